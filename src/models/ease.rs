//! EASE: the best linear model from the songs of a session to any other song, in closed form.
//!
//! Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019. With `X` the binary
//! matrix of sessions and songs, it minimises `‖X − XB‖² + λ‖B‖²` over all `B` with a diagonal of
//! zeros (eqs. 2–3), so that no song explains itself. With `P = (XᵀX + λI)⁻¹` the answer is
//! `B_ij = −P_ij / P_jj` off the diagonal (eq. 8). A song's score is the sum of its weights from the
//! distinct songs of the running session. Without sessions a user's history is one, and `X` is the
//! paper's matrix of users and songs.
//!
//! A song without plays scores as the worst of the others.
//!
//! Memory grows with the square of the catalogue and time with its cube: EASE is for up to some
//! 20,000 songs.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::control::Control;
use crate::data::{Dataset, Incidence};
use crate::error::{Error, Result};
use crate::nn;
use crate::train::{
    Context, Default, Kind, Memory, Model, ModelSpec, Options, Param, Training, Weights,
};

/// The line in the registry.
pub const SPEC: ModelSpec = ModelSpec {
    name: "ease",
    summary: "The best linear map from the songs of a session to others, in closed form (EASE).",
    source: "Steck 2019",
    example: "FROM train_ease('plays', reg := 100)",
    inputs: &[],
    params: &[Param::new(
        "reg",
        Kind::Float { min: 1e-6, max: 1e9 },
        Default::Float(300.0),
        "λ of the L2 penalty on the weights between songs: the more plays there are, the larger.",
    )],
    iterative: false,
    memory: |dataset, _| Ok(memory(dataset)),
    start: |dataset, options, _| Ok(Box::new(Fitting::new(dataset, options))),
    load: |artifact, _| Ok(Box::new(Ease::load(artifact.dataset.clone(), &artifact.weights)?)),
};

/// The name of the stored tensor.
const WEIGHTS: &str = "weights";

/// Weights in f32; in f64 the matrix to invert and the half of it in tiles, old and new.
fn memory(dataset: &Dataset) -> Memory {
    let (songs, plays) = (dataset.songs.len() as u64, &dataset.plays);
    let square = songs.saturating_mul(songs);
    let incidence = plays.songs.len() as u64 * 8 + (plays.sessions() as u64 + songs) * 8;
    let weights = square.saturating_mul(4);
    Memory { weights, optimizer: 0, step: square.saturating_mul(16).saturating_add(incidence) }
}

/// The weights `B`, `(V, V)`: row `i` holds what song `i` says about all others.
#[derive(Clone)]
struct Ease {
    dataset: Arc<Dataset>,
    weights: Arc<Vec<f32>>,
}

impl Ease {
    fn load(dataset: Arc<Dataset>, weights: &Weights) -> Result<Self> {
        let songs = dataset.songs.len();
        let tensor = weights.get(WEIGHTS).ok_or_else(|| {
            Error::model(format!("the stored EASE model has no tensor '{WEIGHTS}'; train it again"))
        })?;
        if tensor.dims() != [songs, songs] {
            return Err(Error::model(format!(
                "tensor '{WEIGHTS}' of the stored EASE model has shape {:?}, expected {:?}; train it \
                 again",
                tensor.dims(),
                [songs, songs]
            )));
        }
        Ok(Self { dataset, weights: Arc::new(tensor.flatten_all()?.to_vec1()?) })
    }
}

struct Fitting {
    dataset: Arc<Dataset>,
    reg: f64,
    fitted: Option<Ease>,
}

impl Fitting {
    fn new(dataset: Arc<Dataset>, options: &Options) -> Self {
        Self { dataset, reg: options.float("reg"), fitted: None }
    }

    /// `XᵀX + λI`, row-major.
    fn gram(&self, control: &Control) -> Result<Vec<f64>> {
        let songs = self.dataset.songs.len();
        let incidence = Incidence::new(&self.dataset.plays, songs);
        let mut gram = vec![0.0; songs * songs];
        let rows = gram.par_chunks_mut(songs.max(1)).enumerate();
        rows.try_for_each(|(song, row)| -> Result<()> {
            control.check()?;
            for &session in incidence.sessions_of(song as u32) {
                for &other in incidence.songs_of(session) {
                    row[other as usize] += 1.0;
                }
            }
            row[song] += self.reg;
            Ok(())
        })?;
        Ok(gram)
    }
}

impl Training for Fitting {
    /// Solves; the squared error is not computed, so the loss is 0.
    fn epoch(&mut self, _epoch: usize, control: &Control) -> Result<f64> {
        let songs = self.dataset.songs.len();
        let gram = self.gram(control)?;
        let p = nn::inverse(gram, songs, || control.check())?;
        let diagonal: Vec<f64> = (0..songs).map(|song| p[song * songs + song]).collect();
        let mut weights = vec![0.0; songs * songs];
        let rows = weights.par_chunks_mut(songs.max(1)).zip(p.par_chunks(songs.max(1)));
        rows.enumerate().for_each(|(song, (weights, p))| {
            for ((weight, p), diagonal) in weights.iter_mut().zip(p).zip(&diagonal) {
                *weight = (-p / diagonal) as f32;
            }
            weights[song] = 0.0;
        });
        self.fitted = Some(Ease { dataset: self.dataset.clone(), weights: weights.into() });
        Ok(0.0)
    }

    fn model(&self) -> Result<Box<dyn Model>> {
        match &self.fitted {
            Some(model) => Ok(Box::new(model.clone())),
            None => Err(Error::Compute("ease is not fitted yet".into())),
        }
    }
}

impl Model for Ease {
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        let songs = self.dataset.songs.len();
        if songs == 0 {
            return Ok(());
        }
        out.par_chunks_mut(songs).zip(contexts).for_each(|(scores, context)| {
            scores.fill(0.0);
            let mut played = context.songs.to_vec();
            played.sort_unstable();
            played.dedup();
            for song in played {
                let row = &self.weights[song as usize * songs..(song as usize + 1) * songs];
                scores.iter_mut().zip(row).for_each(|(score, weight)| *score += weight);
            }
        });
        nn::rank_unplayed_last(out, &self.dataset.play_counts);
        Ok(())
    }

    fn weights(&self) -> Result<Weights> {
        let songs = self.dataset.songs.len();
        let shape = (songs, songs);
        let tensor = Tensor::from_slice(&self.weights, shape, &Device::Cpu)?;
        Ok(Weights::from([(WEIGHTS.to_owned(), tensor)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Setting;

    /// Sessions {0, 1}, {0, 1, 2} (with a repeat) and {2}, so that
    /// `XᵀX = [[2, 2, 1], [2, 2, 1], [1, 1, 2]]`.
    fn dataset() -> Arc<Dataset> {
        Arc::new(Dataset::of_sessions(&[&[0, 1][..], &[1, 0, 2, 0], &[2]], 3))
    }

    fn fitted(reg: f64) -> Box<dyn Model> {
        let mut options = Options::defaults(SPEC.params);
        options.set("reg", Setting::Float(reg));
        let mut training = Fitting::new(dataset(), &options);
        training.epoch(1, &Control::default()).unwrap();
        training.model().unwrap()
    }

    #[test]
    fn weights_are_those_of_the_closed_form_by_hand() {
        // XᵀX + I = [[3, 2, 1], [2, 3, 1], [1, 1, 3]] has determinant 13 and inverse
        // [[8, -5, -1], [-5, 8, -1], [-1, -1, 5]] / 13.
        let weights = fitted(1.0).weights().unwrap()[WEIGHTS].to_vec2::<f32>().unwrap();
        let expected =
            [[0.0, 5.0 / 8.0, 1.0 / 5.0], [5.0 / 8.0, 0.0, 1.0 / 5.0], [1.0 / 8.0, 1.0 / 8.0, 0.0]];
        for (got, expected) in weights.iter().flatten().zip(expected.iter().flatten()) {
            assert!((got - expected).abs() < 1e-6, "{weights:?}");
        }
    }

    #[test]
    fn distinct_songs_of_the_session_add_up() {
        let model = fitted(1.0);
        let mut scores = [0.0; 3];
        let context = Context { user: None, songs: &[2, 0, 2], continues: false };
        model.score_all(&[context], &mut scores).unwrap();
        for (got, expected) in scores.iter().zip([0.125, 0.75, 0.2]) {
            assert!((got - expected).abs() < 1e-6, "{scores:?}");
        }
    }

    #[test]
    fn songs_without_plays_stand_behind_those_that_go_ill_together() {
        let dataset = Dataset { play_counts: vec![3, 0, 2], ..Arc::unwrap_or_clone(dataset()) };
        let weights = vec![0.0, 0.0, -0.5, 0.0, 0.0, 0.0, -0.5, 0.0, 0.0];
        let model = Ease { dataset: Arc::new(dataset), weights: weights.into() };
        let mut scores = [0.0; 3];
        let context = Context { user: None, songs: &[0], continues: false };
        model.score_all(&[context], &mut scores).unwrap();
        assert_eq!(scores, [0.0, -0.5, -0.5]);
    }

    #[test]
    fn memory_grows_with_the_square_of_the_catalogue() {
        let memory = memory(&dataset());
        assert_eq!((memory.weights, memory.step), (36, 144 + 7 * 8 + 6 * 8));
    }

    #[test]
    fn weights_of_another_catalogue_are_refused() {
        let other = Arc::new(Dataset::of_sessions(&[[0]], 4));
        let message = Ease::load(other, &fitted(1.0).weights().unwrap()).err().unwrap().to_string();
        assert!(message.contains("[3, 3]") && message.contains("[4, 4]"), "{message}");
    }
}
