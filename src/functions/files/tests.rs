//! Files that are no models, or wrong ones: all refused, and nothing of them stored.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};

use crate::functions::{MACROS, registry};
use crate::session::{OpenOptions, Session};
use crate::store::{self, Archive};

/// A database with a trained model, and the model's file.
struct Exported {
    session: Session,
    folder: tempfile::TempDir,
    file: Vec<u8>,
}

impl Exported {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let session = Session::open(None, &OpenOptions::default(), &registry(), MACROS).unwrap();
        let path = folder.path().join("m");
        let sql = format!(
            "CREATE TABLE plays AS SELECT i % 3 AS user_id, i * 5 % 7 AS song_id FROM range(40) r(i);
             CREATE TABLE songs AS SELECT i AS song_id, i % 2 AS genre FROM range(7) r(i);
             FROM train_harm('plays', songs := 'songs', epochs := 1, embedding_size := 8);
             CALL export_model('harm', '{}');
             CALL drop_model('harm');",
            path.display()
        );
        session.connection().execute_batch(&sql).unwrap();
        let file = fs::read(&path).unwrap();
        Self { session, folder, file }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("other")
    }

    /// What `import_model` says about a file with these bytes.
    fn import(&self, bytes: &[u8]) -> Result<String, String> {
        fs::write(self.path(), bytes).unwrap();
        import(&self.session, &self.path())
    }

    /// What `import_model` says about a whole file of the model after a change.
    fn changed(&self, change: impl FnOnce(&mut Archive)) -> Result<String, String> {
        let mut archive = store::unpack("m", &self.file).unwrap();
        change(&mut archive);
        let bytes = store::pack(&archive.dataset, &archive.weights, &archive.meta).unwrap();
        self.import(&bytes)
    }

    fn models(&self) -> i64 {
        let count = "SELECT count(*) FROM models()";
        self.session.connection().query_row(count, [], |row| row.get(0)).unwrap()
    }
}

fn import(session: &Session, path: &Path) -> Result<String, String> {
    let sql = format!("SELECT note FROM import_model('{}')", path.display());
    let note = session.connection().query_row(&sql, [], |row| row.get(0));
    note.map_err(|error| error.to_string())
}

#[test]
fn damaged_files_are_refused_and_leave_nothing() {
    let exported = Exported::new();
    let file = &exported.file;
    let step = file.len() / 60;
    for at in (0..file.len()).step_by(step) {
        let error = exported.import(&file[..at]).unwrap_err();
        assert!(error.contains("import_model: "), "cut at {at}: {error}");
        let mut changed = file.clone();
        changed[at] ^= 0x10;
        let error = exported.import(&changed).unwrap_err();
        assert!(error.contains("import_model: "), "changed at {at}: {error}");
    }
    let longer = [file.as_slice(), b"x"].concat();
    assert!(exported.import(&longer).unwrap_err().contains("damaged"));
    // Bytes like those of a compressed file, after the size of a header that would fit.
    let noise = (0..5000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8);
    let noise: Vec<u8> = 64_u64.to_le_bytes().into_iter().chain([b'{']).chain(noise).collect();
    assert!(exported.import(&noise).unwrap_err().contains("damaged or no Segue model"));
    assert_eq!(exported.models(), 0);
    assert_eq!(exported.import(file).unwrap(), "stored as 'harm' version 1, now the default model");
}

#[test]
fn whole_files_of_impossible_models_are_refused() {
    let exported = Exported::new();
    let refused = |change: fn(&mut Archive)| exported.changed(change).unwrap_err();
    let error = refused(|archive| archive.meta.kind = "oracle".into());
    assert!(error.contains("of kind 'oracle', which this version"), "{error}");
    let error = refused(|archive| archive.meta.options_json = "[".into());
    assert!(error.contains("the options of model 'harm' cannot be read"), "{error}");
    let error = refused(|archive| archive.meta.options_json = "{}".into());
    assert!(!error.contains("internal error"), "{error}");
    let error = refused(|archive| archive.meta.name = " ".into());
    assert!(error.contains("has no name; give model := "), "{error}");
    assert_eq!(exported.models(), 0);
}

/// A model may do without some tensors. What is accepted must answer.
#[test]
fn whole_files_of_wrong_weights_are_refused_or_work() {
    let exported = Exported::new();
    let connection = exported.session.connection();
    let odd = Tensor::zeros((3, 2, 1), DType::F32, &Device::Cpu).unwrap();
    let mut refused = 0;
    for name in store::unpack("m", &exported.file).unwrap().weights.into_keys() {
        let without = exported.changed(|archive| drop(archive.weights.remove(&name)));
        let other = exported.changed(|archive| {
            archive.weights.insert(name.clone(), odd.clone());
        });
        for outcome in [without, other] {
            match outcome {
                Ok(_) => connection
                    .execute_batch(
                        "FROM recommend(1, 3); FROM recommend(9, 3); CALL drop_model('harm')",
                    )
                    .unwrap(),
                Err(error) => {
                    assert!(!error.contains("internal error"), "{name}: {error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 5, "{refused}");
    assert_eq!(exported.models(), 0);
}
