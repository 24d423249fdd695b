//! Loaded models, so that the next statement need not load them again.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use super::Host;
use crate::error::Result;

/// How many values are kept.
const ENTRIES: usize = 8;

/// Values by key, the most recently used last.
#[derive(Default)]
pub(super) struct Cache(Mutex<Vec<Entry>>);

struct Entry {
    key: String,
    value: Arc<dyn Any + Send + Sync>,
}

impl Cache {
    /// The value of a key.
    fn get<T: Any + Send + Sync>(&self, key: &str) -> Option<Arc<T>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = entries.iter().position(|entry| entry.key == key)?;
        let entry = entries.remove(at);
        let value = Arc::clone(&entry.value).downcast().ok();
        entries.push(entry);
        value
    }

    /// Keeps a value in place of the least recently used one.
    fn insert<T: Any + Send + Sync>(&self, key: &str, value: &Arc<T>) {
        let value = Arc::<T>::clone(value);
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.key != key);
        if entries.len() == ENTRIES {
            entries.remove(0);
        }
        entries.push(Entry { key: key.to_owned(), value });
    }

    /// Forgets some values.
    fn remove(&self, keys: &[String]) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| !keys.contains(&entry.key));
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Host {
    /// The value kept under `key`, or what `load` gives, which is then kept. Of many values the
    /// least recently used are dropped. A key of a model is [`super::ModelRow::cache_key`].
    ///
    /// # Errors
    /// `load` fails; then nothing is kept.
    pub fn cached<T: Any + Send + Sync>(
        &self,
        key: &str,
        load: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        if let Some(value) = self.cache().get(key) {
            return Ok(value);
        }
        // Not under the lock: other statements go on with other models meanwhile.
        let value = Arc::new(load()?);
        self.cache().insert(key, &value);
        Ok(value)
    }

    /// The value kept under `key`, if it is still there.
    pub fn kept<T: Any + Send + Sync>(&self, key: &str) -> Option<Arc<T>> {
        self.cache().get(key)
    }

    /// Lets go of values that nobody will ask for again, such as models that were dropped.
    pub fn forget(&self, keys: &[String]) {
        self.cache().remove(keys);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_value_goes() {
        let cache = Cache::default();
        for key in 0..ENTRIES {
            cache.insert(&key.to_string(), &Arc::new(key));
        }
        assert_eq!(cache.get::<usize>("0").as_deref(), Some(&0));
        cache.insert("new", &Arc::new(99_usize));
        assert_eq!(cache.get::<usize>("1"), None);
        cache.remove(&["2".into(), "1".into()]);
        assert_eq!(cache.get::<usize>("2"), None);
        assert_eq!(cache.get::<usize>("0").as_deref(), Some(&0));
        cache.clear();
        assert_eq!(cache.get::<usize>("0"), None);
    }

    #[test]
    fn a_key_holds_one_value_of_one_type() {
        let cache = Cache::default();
        cache.insert("a", &Arc::new(1_u8));
        assert_eq!(cache.get::<u16>("a"), None);
        cache.insert("a", &Arc::new(2_u16));
        assert_eq!(cache.get::<u16>("a").as_deref(), Some(&2));
        assert_eq!(cache.get::<u8>("a"), None);
    }
}
