//! Listening to many files: threads that take one file after the other, and one that stores what they
//! heard and says so, row by row.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use duckdb::arrow::array::{ArrayRef, RecordBatch, StringArray};

use super::batch_rows::{columns, row, skipped};
use crate::audio::decode::{Decoded, Status};
use crate::control::Control;
use crate::error::{Error, Result, panic_text};
use crate::functions::contract::{Binding, Call, Rows, Value};
use crate::functions::settings;
use crate::store::{
    self, Heard, Listed, Nameless, SoundFile, SoundStore, SoundTask, beside, is_glob, list_sounds,
    sound_relation,
};
use crate::train::{Default, Kind, Param};

/// The files.
pub(super) const SOURCE: Param = Param::new(
    "source",
    Kind::Relation,
    Default::Required,
    "The files: a relation with a column path, and song_id where songs have ids other than their \
     paths, or a file, or a glob such as 'music/*.mp3'.",
);
/// The ledger.
pub(super) const FILES: Param = Param::new(
    "files",
    Kind::Text,
    Default::Absent,
    "The table, audio_files beside the table of results by default, that remembers each file: status, \
     sample rate, lengths, error. A file that is in it with the same size, time of change and options is not listened to again.",
);
/// Whether to do it again.
pub(super) const AGAIN: Param = Param::new(
    "again",
    Kind::Bool,
    Default::Bool(false),
    "Listen to all files, whatever the table of files remembers.",
);

/// Files between two commits, at most.
const FILES_PER_COMMIT: usize = 32;

/// What is listened for.
pub(super) trait Listener: Send + Sync + 'static {
    /// What is heard in a file.
    type Sound: Send;

    /// Listens to a file's bytes; what became of the file, and what was heard, if anything.
    ///
    /// # Errors
    /// The analyst stops the statement; whatever is the file's fault is a status.
    fn listen(&self, bytes: &[u8], control: &Control) -> Result<(Heard, Option<Self::Sound>)>;

    /// The columns of results, after the songs' ids: one row a result, which says its song by its place
    /// in `sounds`.
    fn columns(&self, sounds: &[Self::Sound]) -> (Vec<usize>, Vec<ArrayRef>);
}

/// Binds a call: checks the relation and the tables, listens to nothing.
pub(super) fn bind<L: Listener>(call: &Call, task: SoundTask, listener: L) -> Result<Binding> {
    let conn = call.caller.connect()?;
    let source = call.options.text("source").unwrap_or_default().to_owned();
    let relation = sound_relation(&conn, &task.function, &source)?;
    task.check(&conn, &relation)?;
    let (call, listener) = (call.clone(), Arc::new(listener));
    Ok(Binding {
        columns: columns(),
        start: Box::new(move || {
            let (call, task, listener) = (call.clone(), task.clone(), listener.clone());
            Ok(Box::new(Batch { call, task, listener, work: None }))
        }),
    })
}

/// One execution.
struct Batch<L: Listener> {
    call: Call,
    task: SoundTask,
    listener: Arc<L>,
    /// From the first row on.
    work: Option<Work<L>>,
}

/// Files that are being listened to.
struct Work<L: Listener> {
    store: SoundStore,
    files: Arc<Vec<SoundFile>>,
    /// How many rows there will be.
    total: usize,
    /// Rows that name nothing to listen to, and are not told yet.
    nameless: Vec<Nameless>,
    /// Done in an earlier run, and not told yet.
    known: Vec<usize>,
    heard: Receiver<Result<Done<L::Sound>>>,
    /// How many rows were given.
    told: usize,
    /// Joined when all is done.
    _threads: Threads,
}

/// A file that was listened to.
struct Done<S> {
    file: usize,
    heard: Heard,
    sound: Option<S>,
    /// How long it took.
    took_s: f64,
}

/// Threads that end when they are dropped, each with the file that it has.
struct Threads {
    next: Arc<AtomicUsize>,
    handles: Vec<JoinHandle<()>>,
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.next.store(usize::MAX / 2, Ordering::Relaxed);
        for handle in self.handles.drain(..) {
            // What it had to say went through the channel, whose end is gone first.
            let _ = handle.join();
        }
    }
}

impl<L: Listener> Work<L> {
    fn start(batch: &Batch<L>) -> Result<Self> {
        let (caller, task) = (&batch.call.caller, &batch.task);
        let function = &task.function;
        let conn = caller.connect()?;
        let source = batch.call.options.text("source").unwrap_or_default();
        let relation = sound_relation(&conn, function, source)?;
        let Listed { mut files, mut nameless } = list_sounds(&conn, &relation, &caller.control)?;
        if files.is_empty() && nameless.is_empty() && is_glob(source) {
            let message = format!("{function}: no file has a name like {source}; check the path");
            return Err(Error::data(message));
        }
        // Nothing is made before the files are known to be good.
        let store = SoundStore::new(conn, task.clone(), &relation)?;
        store.remember(&mut files)?;
        let files = Arc::new(files);
        nameless.reverse();
        let total = files.len() + nameless.len();
        caller.host.announce(Some(format!("{function}: 0 of {total} files")));
        let is_known = |file: &SoundFile| !batch.call.options.bool("again") && file.known.is_some();
        let (mut known, new): (Vec<usize>, Vec<usize>) =
            (0..files.len()).partition(|&file| is_known(&files[file]));
        known.reverse();
        let count = settings::threads(caller, function)?.count().min(new.len());
        // A few files may wait to be stored, with all that was heard in them.
        let (sender, heard) = sync_channel(2 * count.max(1));
        let (next, new) = (Arc::new(AtomicUsize::new(0)), Arc::new(new));
        let mut threads = Threads { next: next.clone(), handles: Vec::new() };
        for _ in 0..count {
            let (files, new, next) = (files.clone(), new.clone(), next.clone());
            let (sender, listener) = (sender.clone(), batch.listener.clone());
            let (caller, function) = (caller.clone(), function.clone());
            let work = move || {
                while let Some(&file) = new.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let done = listen(&caller, &function, listener.as_ref(), &files[file]);
                    let done =
                        done.map(|(heard, sound, took_s)| Done { file, heard, sound, took_s });
                    if sender.send(done).is_err() {
                        return;
                    }
                }
            };
            let name = std::thread::Builder::new().name("segue-audio".into());
            let handle = name.spawn(work).map_err(|error| {
                Error::Compute(format!("the system gives no thread to listen with ({error})"))
            })?;
            threads.handles.push(handle);
        }
        Ok(Self { store, files, total, nameless, known, heard, told: 0, _threads: threads })
    }
}

/// Listens to one file; also how long that took. A file's fault is a status.
fn listen<L: Listener>(
    caller: &store::Caller,
    function: &str,
    listener: &L,
    file: &SoundFile,
) -> Result<(Heard, Option<L::Sound>, f64)> {
    let start = Instant::now();
    caller.control.check()?;
    let failed = |status: &str, error: Error| Heard {
        status: status.to_owned(),
        error: Some(error.to_string()),
        count: 0,
        rate: None,
        declared_s: None,
        decoded_s: 0.0,
    };
    let (heard, sound) = match store::read_file(caller, function, &file.path) {
        Ok(bytes) => {
            // Whatever is in a file, the others are listened to.
            let listen = || listener.listen(&bytes, &caller.control);
            catch_unwind(AssertUnwindSafe(listen)).unwrap_or_else(|panic| {
                let message = format!("internal error: {}; please report it", panic_text(&*panic));
                Ok((failed("corrupt", Error::Compute(message)), None))
            })?
        }
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error @ Error::Data(_)) => (failed("not_found", error), None),
        Err(error) => (failed("forbidden", error), None),
    };
    Ok((heard, sound, start.elapsed().as_secs_f64()))
}

impl<L: Listener> Rows for Batch<L> {
    fn next(&mut self) -> Result<Vec<Vec<Value>>> {
        if self.work.is_none() {
            self.work = Some(Work::start(self)?);
        }
        let Some(work) = &mut self.work else { return Ok(Vec::new()) };
        let total = work.total;
        if !work.nameless.is_empty() {
            let first = work.nameless.len().saturating_sub(1024);
            let rows = work.nameless.drain(first..).rev().map(|nameless| {
                work.told += 1;
                skipped(nameless, work.told, total)
            });
            return Ok(rows.collect());
        }
        if !work.known.is_empty() {
            let first = work.known.len().saturating_sub(1024);
            let known: Vec<usize> = work.known.drain(first..).rev().collect();
            let rows = known.into_iter().filter_map(|file| {
                let file = &work.files[file];
                let heard = file.known.as_ref()?;
                work.told += 1;
                Some(row(file, heard, None, work.told, total))
            });
            return Ok(rows.collect());
        }
        // The first that comes, and whatever came with it.
        let mut done = Vec::new();
        let mut failure = None;
        while done.len() < FILES_PER_COMMIT {
            let next =
                if done.is_empty() { work.heard.recv().ok() } else { work.heard.try_recv().ok() };
            match next {
                Some(Ok(one)) => done.push(one),
                Some(Err(error)) => {
                    failure = Some(error);
                    break;
                }
                None => break,
            }
        }
        let rows = self.keep(done)?;
        failure.map_or(Ok(rows), Err)
    }
}

impl<L: Listener> Batch<L> {
    /// Stores what was heard and makes rows of it.
    fn keep(&mut self, done: Vec<Done<L::Sound>>) -> Result<Vec<Vec<Value>>> {
        let Some(work) = self.work.as_mut().filter(|_| !done.is_empty()) else {
            return Ok(Vec::new());
        };
        let (mut sounds, mut songs) = (Vec::new(), Vec::new());
        let mut heard: Vec<(usize, Heard, f64)> = Vec::with_capacity(done.len());
        for one in done {
            if let Some(sound) = one.sound {
                sounds.push(sound);
                songs.push(work.files[one.file].song.as_str());
            }
            heard.push((one.file, one.heard, one.took_s));
        }
        let (of, mut columns) = self.listener.columns(&sounds);
        let ids: Vec<&str> = of.into_iter().map(|sound| songs[sound]).collect();
        let ids = StringArray::from(ids);
        columns.insert(0, Arc::new(ids));
        let names = self.task.columns.iter().map(|(name, _)| *name);
        let results: RecordBatch = store::record(std::iter::once("song_id").chain(names), columns)?;
        let pairs: Vec<(&SoundFile, &Heard)> =
            heard.iter().map(|(file, heard, _)| (&work.files[*file], heard)).collect();
        work.store.store(&pairs, &results)?;
        let total = work.total;
        let rows: Vec<Vec<Value>> = heard
            .iter()
            .map(|(file, heard, took_s)| {
                work.told += 1;
                let realtime = heard.decoded_s / took_s.max(1e-9);
                row(&work.files[*file], heard, Some(realtime), work.told, total)
            })
            .collect();
        let news = format!("{}: {} of {total} files", self.task.function, work.told);
        self.call.caller.host.announce(Some(news));
        Ok(rows)
    }
}

/// What a call asks for: the same options are the same task, whatever the tables are called.
pub(super) fn task(
    name: String,
    call: &Call,
    params: &[Param],
    columns: &'static [(&'static str, &'static str)],
) -> SoundTask {
    let options = &call.options;
    let settings = params.iter().filter_map(|param| {
        let value = options.get(param.name)?;
        Some(format!("{} := {value:?}", param.name))
    });
    let task = format!("{name}({})", settings.collect::<Vec<_>>().join(", "));
    let text = |name: &str| options.text(name).unwrap_or_default().to_owned();
    let into = text("output");
    let files = options.text("files").map_or_else(|| beside(&into, "audio_files"), str::to_owned);
    SoundTask { function: name, task, into, files, columns }
}

/// What became of a decoded file, and what `take` makes of its samples, with a count, if there are any.
pub(super) fn heard<S>(
    decoded: Decoded,
    take: impl FnOnce(&[f32]) -> Result<(usize, S)>,
) -> Result<(Heard, Option<S>)> {
    let outcome = &decoded.outcome;
    let mut heard = Heard {
        status: outcome.status.name().to_owned(),
        error: outcome.message.clone(),
        count: 0,
        rate: decoded.info.as_ref().map(|info| i64::from(info.rate)),
        declared_s: decoded.info.as_ref().and_then(|info| info.declared_s),
        decoded_s: outcome.decoded_s,
    };
    if !matches!(outcome.status, Status::Ok | Status::Partial) {
        return Ok((heard, None));
    }
    match take(decoded.mono()) {
        Ok((count, sound)) => {
            heard.count = count as i64;
            Ok((heard, Some(sound)))
        }
        // Samples that nothing can be made of.
        Err(Error::Data(message)) => {
            (heard.status, heard.error) = ("corrupt".to_owned(), Some(message));
            Ok((heard, None))
        }
        Err(error) => Err(error),
    }
}
