//! A table for people while it is measured, one JSON object for programs.

use std::io::Write;

use serde_json::{Value, json};

/// What came out of a case.
pub struct Measured {
    pub value: f64,
    pub best: f64,
    pub unit: String,
    /// In a few words what else there is to say.
    pub note: String,
}

impl Measured {
    /// A value and the best one there was.
    pub fn new([value, best]: [f64; 2], unit: &str) -> Self {
        Self { value, best, unit: unit.to_owned(), note: String::new() }
    }

    pub fn with_note(self, note: String) -> Self {
        Self { note, ..self }
    }

    pub fn to_json(&self) -> Value {
        let Self { value, best, unit, note } = self;
        json!({ "value": value, "best": best, "unit": unit, "note": note })
    }

    /// What `to_json` made, from the text of it.
    pub fn parse(text: &str) -> Option<Self> {
        let row: Value = serde_json::from_str(text).ok()?;
        let word = |key: &str| row[key].as_str().map(str::to_owned);
        Some(Self {
            value: row["value"].as_f64()?,
            best: row["best"].as_f64()?,
            unit: word("unit")?,
            note: word("note")?,
        })
    }
}

/// The value in the middle; of an even number the upper one there.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub struct Report {
    machine: String,
    rows: Vec<(&'static str, Measured)>,
}

impl Report {
    pub fn begin() -> Self {
        let machine = machine();
        println!(
            "{machine}; 64-octet frames, whole pipeline, one core, processor time, median and best of the samples\n"
        );
        println!("{:<24}{:>14}{:>14}  unit", "case", "median", "best");
        Self { machine, rows: Vec::new() }
    }

    /// Says on a terminal what is going on: some cases prepare millions of sessions.
    pub fn progress(&self, case: &str, (number, count): (usize, usize)) {
        eprint!("{number}/{count} {case} …\r");
        let _ = std::io::stderr().flush();
    }

    pub fn add(&mut self, case: &'static str, measured: Measured) {
        let Measured { value, best, unit, note } = &measured;
        let (value, best) = (figure(*value), figure(*best));
        println!("{case:<24}{value:>14}{best:>14}  {unit}{}{note}", if note.is_empty() { "" } else { "; " });
        self.rows.push((case, measured));
    }

    pub fn value(&self, case: &str) -> Option<f64> {
        self.rows.iter().find(|(name, _)| *name == case).map(|(_, measured)| measured.value)
    }

    pub fn write_json(&self, file: &str) {
        let row = |(case, measured): &(&str, Measured)| {
            let mut row = measured.to_json();
            row["case"] = json!(case);
            row
        };
        let rows: Vec<Value> = self.rows.iter().map(row).collect();
        let report = json!({ "machine": self.machine, "date": date(), "rows": rows });
        std::fs::write(file, format!("{report:#}\n")).expect("the JSON file can be written");
    }
}

fn figure(value: f64) -> String {
    if value >= 10_000.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name\t: ")).unwrap_or("unknown");
    let count = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("{model}, {count} cores, load {}", load.split(' ').next().unwrap_or("unknown"))
}

/// ISO 8601, by the algorithm of a calendar that begins in March.
fn date() -> String {
    let seconds = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}
