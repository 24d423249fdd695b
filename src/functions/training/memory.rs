//! Whether a training fits into the memory that the analyst allows.

use candle_core::Device;

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::store::{memory_limit, size};
use crate::train::{Kind, Memory, ModelSpec, Options, Setting};

/// Refuses a training that needs more memory than DuckDB's `memory_limit`, before it starts.
///
/// # Errors
/// It needs more; the message names what makes it smaller.
pub(super) fn check(
    conn: &duckdb::Connection,
    function: &str,
    spec: &ModelSpec,
    options: &Options,
    dataset: &Dataset,
    device: &Device,
) -> Result<()> {
    let need = |options: &Options| {
        // What follows from an option is lowered with it.
        let options = spec.resolve(options);
        let memory = (spec.memory)(dataset, &options).map_err(|error| error.within(function))?;
        Ok(peak(spec, memory, dataset, device))
    };
    let (needed, limit) = (need(options)?, memory_limit(conn)?);
    let Some(limit) = limit.filter(|&limit| needed > limit) else { return Ok(()) };
    let levers = levers(spec, options, needed, need)?;
    let rows = if dataset.tiles.is_some() { "tiles" } else { "plays" };
    let lower = match levers.as_slice() {
        // Neither options nor plays: the number of songs.
        [] if dataset.bytes() < needed / 2 => {
            "give fewer songs, for example those with at least 5 plays".to_owned()
        }
        [] => format!("give fewer {rows}"),
        levers => format!("lower {}, give fewer {rows}", levers.join(" or ")),
    };
    Err(Error::Database(format!(
        "{function}: this training needs about {} of memory ({} for the data), and memory_limit is {}; {lower}, or SET memory_limit to more",
        size(needed),
        size(dataset.bytes()),
        size(limit)
    )))
}

/// The most that is held at one time.
fn peak(spec: &ModelSpec, memory: Memory, dataset: &Dataset, device: &Device) -> u64 {
    let Memory { weights, optimizer, step } = memory;
    // What a GPU computes does not take the host's memory.
    let step = if device.is_cpu() { step } else { 0 };
    let resumable = weights + optimizer;
    // The running parameters, the best epoch's, and the state that an interruption leaves.
    let training = if spec.iterative { 2 * resumable + weights } else { weights };
    // After an epoch its model stands beside the best, and its state beside the last one.
    let epoch_end = if spec.iterative { resumable + weights } else { weights };
    // The file of the model has the data in it.
    let saving = weights + dataset.stored_bytes();
    dataset.bytes() + training + step.max(epoch_end).max(saving)
}

/// The most options that an error proposes to lower.
const LEVERS: usize = 3;

/// The options that the need hangs on most, found by taking each as low as it goes.
fn levers(
    spec: &ModelSpec,
    options: &Options,
    needed: u64,
    need: impl Fn(&Options) -> Result<u64>,
) -> Result<Vec<&'static str>> {
    let mut gains = Vec::new();
    for param in spec.params {
        let lowest = match param.kind {
            Kind::Int { min, .. } => Setting::Int(min),
            // A list that was not given hangs on other options.
            Kind::IntList { min, .. } if !options.ints(param.name).is_empty() => {
                Setting::IntList(vec![min; options.ints(param.name).len()])
            }
            _ => continue,
        };
        let mut lowered = options.clone();
        lowered.set(param.name, lowest);
        // Options may need each other: what cannot be lowered alone is no advice.
        let Ok(lower) = need(&lowered) else { continue };
        let gain = needed.saturating_sub(lower);
        // What does not matter is no advice.
        if gain > needed / 10 {
            gains.push((gain, param.name));
        }
    }
    gains.sort_by(|a, b| b.cmp(a));
    Ok(gains.into_iter().map(|(_, name)| name).take(LEVERS).collect())
}
