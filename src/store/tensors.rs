//! Named arrays in one safetensors file, with a JSON description and a checksum.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use candle_core::{DType, Device, Tensor};
use safetensors::{Dtype, SafeTensors, View};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use xxhash_rust::xxh3::Xxh3;

use crate::error::{Error, Result};

/// The version of the file layout that this Segue writes, and the newest that it reads.
pub const FORMAT_VERSION: i64 = 1;

/// The key of the description in the file's metadata. It is the only one: safetensors keeps
/// metadata in a hash map, and several keys would be written in a different order each time.
const KEY: &str = "segue";

/// The error for a model written in a format that this version does not know.
pub(super) fn refuse_newer(model: &str, format: i64) -> Result<()> {
    if format <= FORMAT_VERSION {
        return Ok(());
    }
    Err(Error::model(format!(
        "model '{model}' was written by a newer Segue (format {format}, this one reads up to \
         {FORMAT_VERSION}); update Segue"
    )))
}

/// Fails for a file that cannot be a safetensors file by its first bytes, so that it need not be
/// read whole; `path` is its name in messages.
pub(super) fn refuse_foreign(path: &str, start: &[u8], size: usize) -> Result<()> {
    // The size of the JSON header, then the header itself.
    let header = start.first_chunk().map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes));
    if start.get(8) == Some(&b'{') && header <= size as u64 - 8 {
        return Ok(());
    }
    Err(Error::model(format!(
        "'{path}' is no model of Segue, or ends early; give a file that export_model wrote"
    )))
}

/// Arrays on their way into a file.
#[derive(Default)]
pub(super) struct TensorWriter(BTreeMap<String, Array>);

struct Array {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for &Array {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// A number that arrays are made of; files are little-endian on every machine.
pub(super) trait Element: Copy {
    const DTYPE: Dtype;
    fn write(values: &[Self]) -> Vec<u8>;
    fn read(bytes: &[u8]) -> Vec<Self>;
}

macro_rules! element {
    ($type:ty, $dtype:expr) => {
        impl Element for $type {
            const DTYPE: Dtype = $dtype;
            fn write(values: &[Self]) -> Vec<u8> {
                values.iter().flat_map(|value| value.to_le_bytes()).collect()
            }
            fn read(bytes: &[u8]) -> Vec<Self> {
                let (chunks, _) = bytes.as_chunks();
                chunks.iter().map(|chunk| Self::from_le_bytes(*chunk)).collect()
            }
        }
    };
}
element!(u8, Dtype::U8);
element!(u32, Dtype::U32);
element!(u64, Dtype::U64);
element!(i64, Dtype::I64);
element!(f32, Dtype::F32);
element!(f64, Dtype::F64);

impl TensorWriter {
    /// Adds a vector.
    pub(super) fn add<T: Element>(&mut self, name: impl Into<String>, values: &[T]) {
        let array = Array { dtype: T::DTYPE, shape: vec![values.len()], bytes: T::write(values) };
        self.0.insert(name.into(), array);
    }

    /// Adds texts as their bytes and where each begins.
    pub(super) fn add_texts(&mut self, name: &str, texts: &[String]) {
        let mut offsets = vec![0_u64];
        let mut bytes = Vec::new();
        for text in texts {
            bytes.extend_from_slice(text.as_bytes());
            offsets.push(bytes.len() as u64);
        }
        self.add(format!("{name}.bytes"), &bytes);
        self.add(format!("{name}.offsets"), &offsets);
    }

    /// Adds a tensor of type F32, F64, U32 or I64, from any device.
    pub(super) fn add_tensor(&mut self, name: impl Into<String>, tensor: &Tensor) -> Result<()> {
        let name = name.into();
        let flat = tensor.to_device(&Device::Cpu)?.flatten_all()?;
        let (dtype, bytes) = match tensor.dtype() {
            DType::F32 => (Dtype::F32, f32::write(&flat.to_vec1()?)),
            DType::F64 => (Dtype::F64, f64::write(&flat.to_vec1()?)),
            DType::U32 => (Dtype::U32, u32::write(&flat.to_vec1()?)),
            DType::I64 => (Dtype::I64, i64::write(&flat.to_vec1()?)),
            other => {
                return Err(Error::model(format!(
                    "tensor '{name}' is of type {}, but models are stored as F32, F64, U32 or I64",
                    other.as_str()
                )));
            }
        };
        self.0.insert(name, Array { dtype, shape: tensor.dims().to_vec(), bytes });
        Ok(())
    }

    /// The file; `description` says what the arrays mean.
    pub(super) fn finish(self, description: &impl Serialize) -> Result<Vec<u8>> {
        let description = serde_json::to_value(description).map_err(broken)?;
        let mut checksum = Checksum::new(&description);
        for (name, array) in &self.0 {
            checksum.add(name, array.dtype, &array.shape, &array.bytes);
        }
        let mut all = Map::new();
        all.insert("format".into(), FORMAT_VERSION.into());
        all.insert("checksum".into(), checksum.finish().into());
        all.insert("description".into(), description);
        let metadata = HashMap::from([(KEY.to_owned(), Value::Object(all).to_string())]);
        Ok(safetensors::serialize(&self.0, Some(metadata))?)
    }
}

/// Of the description and, in order of their names, the arrays.
struct Checksum(Xxh3);

impl Checksum {
    fn new(description: &Value) -> Self {
        let mut hash = Xxh3::new();
        hash.update(description.to_string().as_bytes());
        Self(hash)
    }

    fn add(&mut self, name: &str, dtype: Dtype, shape: &[usize], bytes: &[u8]) {
        self.0.update(format!("{name}\0{dtype:?}{shape:?}\0").as_bytes());
        self.0.update(bytes);
    }

    fn finish(&self) -> String {
        format!("{:032x}", self.0.digest128())
    }
}

/// A file that was read and whose checksum is right.
pub(super) struct TensorReader<'a, D> {
    tensors: SafeTensors<'a>,
    /// What the arrays mean.
    pub(super) description: D,
}

impl<'a, D: DeserializeOwned> TensorReader<'a, D> {
    /// Opens a file; `model` is its name in messages.
    pub(super) fn open(model: &str, bytes: &'a [u8]) -> Result<Self> {
        let damaged = |detail: String| {
            Error::model(format!(
                "model '{model}' cannot be read, it is damaged or no Segue model ({detail}); \
                 train or import it again"
            ))
        };
        let (_, metadata) =
            SafeTensors::read_metadata(bytes).map_err(|error| damaged(error.to_string()))?;
        let text = metadata.metadata().as_ref().and_then(|entries| entries.get(KEY));
        let text = text.ok_or_else(|| damaged("it has no description".into()))?;
        let mut all: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
        // First of all: a newer description may look different.
        let format = all.get("format").and_then(Value::as_i64);
        refuse_newer(model, format.ok_or_else(|| damaged("it has no format".into()))?)?;
        let tensors =
            SafeTensors::deserialize(bytes).map_err(|error| damaged(error.to_string()))?;
        let mut names = tensors.names();
        names.sort_unstable();
        let description = all.remove("description").unwrap_or_default();
        let mut checksum = Checksum::new(&description);
        for name in names {
            let view = tensors.tensor(name)?;
            checksum.add(name, view.dtype(), view.shape(), view.data());
        }
        if all.get("checksum").and_then(Value::as_str) != Some(checksum.finish().as_str()) {
            return Err(damaged("its checksum is wrong".into()));
        }
        let description =
            serde_json::from_value(description).map_err(|error| damaged(error.to_string()))?;
        Ok(Self { tensors, description })
    }

    /// Whether the file has an array of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.tensor(name).is_ok()
    }

    /// A vector.
    pub(super) fn get<T: Element>(&self, name: &str) -> Result<Vec<T>> {
        let view = self.tensors.tensor(name)?;
        if view.dtype() != T::DTYPE {
            return Err(broken(format!("'{name}' is of type {:?}", view.dtype())));
        }
        Ok(T::read(view.data()))
    }

    /// Texts, as [`TensorWriter::add_texts`] wrote them.
    pub(super) fn get_texts(&self, name: &str) -> Result<Vec<String>> {
        let bytes = self.get::<u8>(&format!("{name}.bytes"))?;
        let offsets = self.get::<u64>(&format!("{name}.offsets"))?;
        let text = |pair: &[u64]| {
            let range = usize::try_from(pair[0]).ok()?..usize::try_from(pair[1]).ok()?;
            String::from_utf8(bytes.get(range)?.to_vec()).ok()
        };
        let texts: Option<Vec<String>> = offsets.windows(2).map(text).collect();
        texts.ok_or_else(|| broken(format!("'{name}' holds no texts")))
    }

    /// All tensors whose names begin with `prefix`, by the rest of their names, on the CPU.
    pub(super) fn tensors(&self, prefix: &str) -> Result<BTreeMap<String, Tensor>> {
        let mut found = BTreeMap::new();
        for (name, view) in self.tensors.iter() {
            let Some(rest) = name.strip_prefix(prefix) else { continue };
            let (data, shape) = (view.data(), view.shape());
            let tensor = match view.dtype() {
                Dtype::F32 => Tensor::from_vec(f32::read(data), shape, &Device::Cpu)?,
                Dtype::F64 => Tensor::from_vec(f64::read(data), shape, &Device::Cpu)?,
                Dtype::U32 => Tensor::from_vec(u32::read(data), shape, &Device::Cpu)?,
                Dtype::I64 => Tensor::from_vec(i64::read(data), shape, &Device::Cpu)?,
                other => return Err(broken(format!("'{name}' is of type {other:?}"))),
            };
            found.insert(rest.to_owned(), tensor);
        }
        Ok(found)
    }
}

/// The error for a file that contradicts itself.
pub(super) fn broken(detail: impl std::fmt::Display) -> Error {
    Error::model(format!(
        "the stored model contradicts itself ({detail}); train or import it again"
    ))
}
