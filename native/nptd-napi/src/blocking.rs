//! Work that waits, on a thread of Node's pool, with its result as a promise.

use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::bindgen_prelude::{AsyncTask, Either, ToNapiValue, TypeName};
use napi::{Env, Error, Result, Task};
use nptd_io::panic_message;

use crate::binding_error::BindingError;

type Work<T> = Box<dyn FnOnce() -> std::result::Result<T, BindingError> + Send>;

/// Resolves to what the work returns: its value or a `BindingError`. Rejects only if the work panics.
pub struct Blocking<T>(Option<Work<T>>);

impl<T: Send + 'static + ToNapiValue + TypeName> Blocking<T> {
    /// Starts the work.
    pub fn start(work: impl FnOnce() -> std::result::Result<T, BindingError> + Send + 'static) -> AsyncTask<Self> {
        AsyncTask::new(Self(Some(Box::new(work))))
    }
}

impl<T: Send + 'static + ToNapiValue + TypeName> Task for Blocking<T> {
    type Output = std::result::Result<T, BindingError>;
    type JsValue = Either<T, BindingError>;

    fn compute(&mut self) -> Result<Self::Output> {
        let Some(work) = self.0.take() else {
            return Err(Error::from_reason("work was started twice"));
        };
        catch_unwind(AssertUnwindSafe(work)).map_err(|panic| Error::from_reason(panic_message(panic.as_ref())))
    }

    fn resolve(&mut self, _env: Env, output: Self::Output) -> Result<Self::JsValue> {
        Ok(match output {
            Ok(value) => Either::A(value),
            Err(error) => Either::B(error),
        })
    }
}
