//! What a training begins with, where that was learned elsewhere.

use candle_core::safetensors::SliceSafetensors;
use candle_core::{DType, Device};

use crate::error::{Error, Result};
use crate::store::{self, Caller};
use crate::train::{Options, Weights};

/// The tensors of the safetensors file that the option `weights` names, if it is given, and a hash of
/// the file.
///
/// # Errors
/// The file cannot be read, or is no safetensors file; the analyst stops the statement.
pub(super) fn initial_weights(
    caller: &Caller,
    function: &str,
    options: &Options,
) -> Result<Option<(Weights, u128)>> {
    let Some(path) = options.text("weights") else { return Ok(None) };
    let bytes = store::read_file(caller, function, path)?;
    let file = SliceSafetensors::new(&bytes).map_err(|error| {
        let message = format!("names '{path}', which is no safetensors file ({error})");
        Error::option(function, "weights", message)
    })?;
    let mut tensors = Weights::new();
    for (name, view) in file.tensors() {
        // As export_model calls them, and as others do.
        let plain = name.strip_prefix("weights.").unwrap_or(&name);
        // Convolutions are begun with alone; whatever else is in the file may be large.
        let is_number = DType::try_from(view.dtype()).is_ok_and(|dtype| dtype.is_float());
        if is_number && plain.starts_with("features.") {
            tensors.insert(plain.to_owned(), file.load(&name, &Device::Cpu)?);
        }
    }
    Ok(Some((tensors, xxhash_rust::xxh3::xxh3_128(&bytes))))
}
