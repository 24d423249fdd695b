//! A model's parameters, held on the host.
//!
//! A step sees only what its batch needs: whole dense parameters, and of an embedding table the
//! rows that occur in the batch. Gradients are taken with respect to those small tensors and
//! scattered back, so that neither time nor device memory grows with the catalogue.

use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};

use super::{Optimizer, Weights};
use crate::error::{Error, Result};

#[derive(Debug, Clone)]
struct Parameter {
    shape: Vec<usize>,
    values: Vec<f32>,
    state: [Vec<f32>; 2],
}

/// Named parameters with their optimiser state; tables are `(rows, D)`.
#[derive(Debug, Clone)]
pub struct Parameters {
    parameters: BTreeMap<String, Parameter>,
    optimizer: Optimizer,
}

/// The variables of one step, and where their gradients belong.
#[derive(Default)]
pub struct StepVariables {
    entries: Vec<(String, Option<Vec<u32>>, Var)>,
}

const STATE: [&str; 2] = ["first", "second"];
const STEP: &str = "optimizer.step";

impl Parameters {
    /// No parameters yet; all that are added are updated by `optimizer`.
    pub fn new(optimizer: Optimizer) -> Self {
        Self { parameters: BTreeMap::new(), optimizer }
    }

    /// Adds a parameter with its initial values, row-major.
    pub fn add(&mut self, name: impl Into<String>, shape: &[usize], values: Vec<f32>) {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        let slots = self.optimizer.kind().slots();
        let state =
            [0, 1].map(|slot| if slot < slots { vec![0.0; values.len()] } else { Vec::new() });
        self.parameters.insert(name.into(), Parameter { shape: shape.to_vec(), values, state });
    }

    /// Whether there is a parameter of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
    }

    fn get(&self, name: &str) -> Result<&Parameter> {
        self.parameters
            .get(name)
            .ok_or_else(|| Error::Compute(format!("the model has no parameter '{name}'")))
    }

    /// A whole parameter as a variable of this step.
    ///
    /// # Errors
    /// No parameter of that name.
    pub fn dense(&self, name: &str, step: &mut StepVariables, device: &Device) -> Result<Tensor> {
        let parameter = self.get(name)?;
        let tensor = Tensor::from_slice(&parameter.values, parameter.shape.as_slice(), device)?;
        step.track(name, None, tensor)
    }

    /// The given rows of a table, `(rows.len(), D)`, as a variable of this step. Rows must be
    /// distinct: two gradients for one row would overwrite each other's optimiser state.
    ///
    /// # Errors
    /// No parameter of that name.
    pub fn rows(
        &self,
        name: &str,
        rows: &[u32],
        step: &mut StepVariables,
        device: &Device,
    ) -> Result<Tensor> {
        let parameter = self.get(name)?;
        let width = parameter.shape[1];
        let mut values = Vec::with_capacity(rows.len() * width);
        for &row in rows {
            let start = row as usize * width;
            values.extend_from_slice(&parameter.values[start..start + width]);
        }
        step.track(
            name,
            Some(rows.to_vec()),
            Tensor::from_vec(values, (rows.len(), width), device)?,
        )
    }

    /// Applies the gradients of a step; variables that the loss does not depend on stay.
    ///
    /// # Errors
    /// A gradient cannot be read from the device.
    pub fn apply(&mut self, step: &StepVariables, grads: &GradStore) -> Result<()> {
        self.optimizer.begin_step();
        for (name, rows, var) in &step.entries {
            let Some(grad) = grads.get(var) else { continue };
            let grad: Vec<f32> = grad.flatten_all()?.to_vec1()?;
            let Some(parameter) = self.parameters.get_mut(name) else { continue };
            let [first, second] = &mut parameter.state;
            match rows {
                None => self.optimizer.update(&mut parameter.values, &grad, [first, second]),
                Some(rows) => {
                    let width = parameter.shape[1];
                    for (&row, grad) in rows.iter().zip(grad.chunks_exact(width)) {
                        let range = row as usize * width..(row as usize + 1) * width;
                        let state = [&mut *first, &mut *second]
                            .map(|slot| slot.get_mut(range.clone()).unwrap_or_default());
                        self.optimizer.update(&mut parameter.values[range.clone()], grad, state);
                    }
                }
            }
        }
        Ok(())
    }

    /// The current values as tensors on the CPU.
    ///
    /// # Errors
    /// Out of memory.
    pub fn weights(&self) -> Result<Weights> {
        self.parameters
            .iter()
            .map(|(name, parameter)| {
                Ok((name.clone(), tensor(&parameter.values, &parameter.shape)?))
            })
            .collect()
    }

    /// Values and optimiser state, to resume a training.
    ///
    /// # Errors
    /// Out of memory.
    pub fn state(&self) -> Result<Weights> {
        let mut state = self.weights()?;
        for (name, parameter) in &self.parameters {
            for (slot, values) in STATE.iter().zip(&parameter.state) {
                if !values.is_empty() {
                    state.insert(format!("{name}:{slot}"), tensor(values, &parameter.shape)?);
                }
            }
        }
        state.insert(STEP.into(), Tensor::from_slice(&[self.optimizer.step()], 1, &Device::Cpu)?);
        Ok(state)
    }

    /// Takes back what [`Parameters::state`] gave.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn restore(&mut self, state: &Weights) -> Result<()> {
        for (name, parameter) in &mut self.parameters {
            parameter.values = values(state, name, &parameter.shape)?;
            for (slot, target) in STATE.iter().zip(&mut parameter.state) {
                if !target.is_empty() {
                    *target = values(state, &format!("{name}:{slot}"), &parameter.shape)?;
                }
            }
        }
        let step = state.get(STEP).ok_or_else(|| missing(STEP))?.to_vec1::<u32>()?;
        self.optimizer.set_step(step.first().copied().unwrap_or(0));
        Ok(())
    }
}

impl StepVariables {
    fn track(&mut self, name: &str, rows: Option<Vec<u32>>, tensor: Tensor) -> Result<Tensor> {
        let var = Var::from_tensor(&tensor)?;
        let tensor = var.as_tensor().clone();
        self.entries.push((name.to_owned(), rows, var));
        Ok(tensor)
    }
}

fn tensor(values: &[f32], shape: &[usize]) -> Result<Tensor> {
    Ok(Tensor::from_slice(values, shape, &Device::Cpu)?)
}

fn values(weights: &Weights, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
    let tensor = weights.get(name).ok_or_else(|| missing(name))?;
    if tensor.dims() != shape {
        return Err(Error::model(format!(
            "tensor '{name}' of the stored training has shape {:?}, expected {shape:?}; train \
             again with retrain := true",
            tensor.dims()
        )));
    }
    Ok(tensor.flatten_all()?.to_vec1()?)
}

fn missing(name: &str) -> Error {
    Error::model(format!(
        "the stored training has no tensor '{name}'; train again with retrain := true"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::OptimizerKind;

    fn parameters() -> Parameters {
        let mut parameters = Parameters::new(Optimizer::new(OptimizerKind::Adam, 0.1, 0.0));
        parameters.add("table", &[3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        parameters
    }

    fn step(parameters: &mut Parameters, rows: &[u32]) {
        let mut variables = StepVariables::default();
        let picked = parameters.rows("table", rows, &mut variables, &Device::Cpu).unwrap();
        let grads = picked.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        parameters.apply(&variables, &grads).unwrap();
    }

    #[test]
    fn only_the_rows_of_the_batch_move() {
        let mut parameters = parameters();
        step(&mut parameters, &[2, 0]);
        let table = parameters.weights().unwrap()["table"].to_vec2::<f32>().unwrap();
        assert_eq!(table[1], [3.0, 4.0]);
        // Adam's first step has the size of the learning rate.
        for (got, expected) in table[2].iter().zip([4.9, 5.9]) {
            assert!((got - expected).abs() < 1e-5, "{table:?}");
        }
    }

    #[test]
    fn restored_training_goes_on_bit_for_bit() {
        let mut whole = parameters();
        step(&mut whole, &[0, 1]);
        let state = whole.state().unwrap();
        step(&mut whole, &[1, 2]);
        let mut resumed = parameters();
        resumed.restore(&state).unwrap();
        step(&mut resumed, &[1, 2]);
        let bits = |p: &Parameters| p.weights().unwrap()["table"].to_vec2::<f32>().unwrap();
        assert_eq!(bits(&whole), bits(&resumed));
    }

    #[test]
    fn a_missing_tensor_is_named() {
        let message = parameters().restore(&Weights::new()).unwrap_err().to_string();
        assert!(message.contains("'table'"), "{message}");
    }
}
