//! The only place that chooses between CPU and GPU.

use candle_core::Device;

use crate::error::{Error, Result};

/// The names accepted by the option `device`.
pub const DEVICES: &[&str] = &["auto", "cpu", "cuda"];

/// Opens the device called `name`: `cpu`, `cuda`, or `auto` (a GPU where there is one).
///
/// # Errors
/// `cuda` on a machine or a build without CUDA; the message says which of the two it is.
pub fn open(name: &str) -> Result<Device> {
    match name {
        "cpu" => Ok(Device::Cpu),
        "cuda" => open_cuda(),
        "auto" => Ok(open_cuda().unwrap_or(Device::Cpu)),
        other => {
            Err(Error::data(format!("unknown device '{other}'; use one of {}", DEVICES.join(", "))))
        }
    }
}

/// The name under which a device is stored with a model.
pub fn name(device: &Device) -> &'static str {
    if device.is_cuda() { "cuda" } else { "cpu" }
}

#[cfg(feature = "cuda")]
fn open_cuda() -> Result<Device> {
    // Missing CUDA libraries make the driver crate panic instead of returning an error.
    std::panic::catch_unwind(|| Device::new_cuda(0))
        .map_err(|_| Error::Compute("the CUDA libraries (libcuda, libcublas, libcurand) were not found; install the NVIDIA driver and CUDA 13, or use device := 'cpu'".into()))?
        .map_err(Error::from)
}

#[cfg(not(feature = "cuda"))]
fn open_cuda() -> Result<Device> {
    Err(Error::Compute(
        "this build has no CUDA; build with --features cuda, or use device := 'cpu'".into(),
    ))
}
