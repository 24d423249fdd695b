//! Parameters before training.

use rand_chacha::ChaCha8Rng;

use crate::nn;

/// A parameter before training.
pub struct Initial {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    values: Values,
}

enum Values {
    /// Drawn from a normal distribution of this deviation.
    Normal(f32),
    /// All the same.
    Constant(f32),
}

impl Initial {
    /// All values the same.
    pub fn constant(name: impl Into<String>, shape: &[usize], value: f32) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), values: Values::Constant(value) }
    }

    /// Values from a normal distribution around 0.
    pub fn normal(name: impl Into<String>, shape: &[usize], deviation: f32) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), values: Values::Normal(deviation) }
    }

    /// How many numbers it has.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Draws its values, row-major.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<f32> {
        match self.values {
            Values::Normal(deviation) => nn::normals(rng, self.count(), deviation),
            Values::Constant(value) => vec![value; self.count()],
        }
    }
}
