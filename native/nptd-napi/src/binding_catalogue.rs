//! Names and sentences of everything that is counted.

use napi_derive::napi;
use nptd_core::verdict::{OutputKind, Suppressed, VERDICT_COUNT, Verdict};

/// One counter.
#[napi(object, object_from_js = false)]
pub struct BindingCatalogueEntry {
    /// Its name.
    pub name: &'static str,
    /// What it counts, in a sentence.
    pub sentence: &'static str,
}

/// All counters.
#[napi(object, object_from_js = false)]
pub struct BindingCatalogue {
    /// Verdicts, by their code.
    pub verdicts: Vec<BindingCatalogueEntry>,
    /// Kinds of extra outputs.
    pub outputs: Vec<BindingCatalogueEntry>,
    /// Outputs that were called for and not made.
    pub suppressed: Vec<BindingCatalogueEntry>,
}

/// Names and sentences of verdicts, outputs and suppressed outputs.
#[napi(catch_unwind)]
pub fn verdict_catalogue() -> BindingCatalogue {
    let entry = |(name, sentence)| BindingCatalogueEntry { name, sentence };
    BindingCatalogue {
        verdicts: (0..VERDICT_COUNT).filter_map(Verdict::describe).map(entry).collect(),
        outputs: OutputKind::ALL.iter().map(|kind| entry((kind.name(), kind.sentence()))).collect(),
        suppressed: Suppressed::ALL.iter().map(|what| entry((what.name(), what.sentence()))).collect(),
    }
}
