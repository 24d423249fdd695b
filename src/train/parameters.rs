//! A model's parameters, held on the host.
//!
//! A step sees only what its batch needs: whole dense parameters, and of an embedding table the
//! rows that occur in the batch. Gradients are taken with respect to those small tensors and
//! scattered back, so that neither time nor device memory grows with the catalogue.

use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};

use super::{Optimizer, Weights};
use crate::error::{Error, Result};

#[derive(Debug, Clone)]
struct Parameter {
    shape: Vec<usize>,
    values: Vec<f32>,
    state: [Vec<f32>; 2],
    /// The step up to which each row is current; empty until rows are asked for one by one, and
    /// for optimisers that leave resting rows alone.
    current: Vec<u32>,
}

impl Parameter {
    /// One row, with its state (empty where the optimiser keeps none).
    fn row(&mut self, row: u32) -> (&mut [f32], [&mut [f32]; 2]) {
        let width = self.shape[1];
        let range = row as usize * width..(row as usize + 1) * width;
        let [first, second] = &mut self.state;
        let state = [first, second].map(|slot| slot.get_mut(range.clone()).unwrap_or_default());
        (&mut self.values[range], state)
    }

    fn catch_up(&mut self, row: u32, optimizer: &Optimizer) {
        let since = self.current[row as usize];
        self.current[row as usize] = optimizer.step();
        let (values, state) = self.row(row);
        optimizer.catch_up(since, values, state);
    }

    fn rests(&self, optimizer: &Optimizer) -> bool {
        optimizer.moves_resting_rows() && self.shape.len() == 2
    }
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

/// The gradient of one parameter in a step.
pub struct Update<'a> {
    /// The parameter's name.
    pub name: &'a str,
    /// The rows of a table that it is for, distinct; `None` for a whole parameter.
    pub rows: Option<&'a [u32]>,
    /// The gradient, row-major.
    pub grad: Vec<f32>,
}

const STATE: [&str; 2] = ["first", "second"];
const CURRENT: &str = "current";
const STEP: &str = "optimizer.step";

impl Parameters {
    /// No parameters yet; all that are added are updated by `optimizer`.
    pub fn new(optimizer: Optimizer) -> Self {
        Self { parameters: BTreeMap::new(), optimizer }
    }

    /// Adds a parameter with its initial values, row-major.
    pub fn add(&mut self, name: impl Into<String>, shape: &[usize], values: Vec<f32>) {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        let slots = self.optimizer.slots();
        let state =
            [0, 1].map(|slot| if slot < slots { vec![0.0; values.len()] } else { Vec::new() });
        self.parameters.insert(
            name.into(),
            Parameter { shape: shape.to_vec(), values, state, current: Vec::new() },
        );
    }

    /// Gives a parameter other values.
    ///
    /// # Errors
    /// No parameter of that name, or one of another shape.
    pub fn set(&mut self, name: &str, values: &Tensor) -> Result<()> {
        let parameter = self.parameters.get_mut(name).ok_or_else(|| unknown(name))?;
        if values.dims() != parameter.shape {
            return Err(Error::data(format!(
                "tensor '{name}' has shape {:?} where {:?} is needed",
                values.dims(),
                parameter.shape
            )));
        }
        parameter.values = values.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        Ok(())
    }

    /// Whether there is a parameter of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
    }

    fn get(&self, name: &str) -> Result<&Parameter> {
        self.parameters.get(name).ok_or_else(|| unknown(name))
    }

    /// A whole parameter as a variable of this step. A table is read whole in every step or by
    /// rows in every step.
    ///
    /// # Errors
    /// No parameter of that name.
    pub fn dense(&self, name: &str, step: &mut StepVariables, device: &Device) -> Result<Tensor> {
        let parameter = self.get(name)?;
        let var = Var::from_slice(&parameter.values, parameter.shape.as_slice(), device)?;
        Ok(step.track(name, None, var))
    }

    /// The given rows of a table, `(rows.len(), D)`, as a variable of this step, brought up to
    /// date. Rows must be distinct: two gradients for one row would overwrite each other's
    /// optimiser state.
    ///
    /// # Errors
    /// No parameter of that name.
    pub fn rows(
        &mut self,
        name: &str,
        rows: &[u32],
        step: &mut StepVariables,
        device: &Device,
    ) -> Result<Tensor> {
        let values = self.gather(name, rows)?;
        let width = values.len() / rows.len().max(1);
        let var = Var::from_vec(values, (rows.len(), width), device)?;
        Ok(step.track(name, Some(rows.to_vec()), var))
    }

    /// The given rows of a table on the host, row-major, brought up to date; for gradients
    /// written by hand. Rows must be distinct.
    ///
    /// # Errors
    /// No parameter of that name.
    pub fn gather(&mut self, name: &str, rows: &[u32]) -> Result<Vec<f32>> {
        let parameter = self.parameters.get_mut(name).ok_or_else(|| unknown(name))?;
        if parameter.current.is_empty() && parameter.rests(&self.optimizer) {
            parameter.current = vec![self.optimizer.step(); parameter.shape[0]];
        }
        let mut values = Vec::with_capacity(rows.len() * parameter.shape[1]);
        for &row in rows {
            if !parameter.current.is_empty() {
                parameter.catch_up(row, &self.optimizer);
            }
            values.extend_from_slice(parameter.row(row).0);
        }
        Ok(values)
    }

    /// A parameter as it lies, row-major: rows that rest are not brought up to date.
    ///
    /// # Errors
    /// No parameter of that name.
    pub fn at_rest(&self, name: &str) -> Result<&[f32]> {
        Ok(&self.get(name)?.values)
    }

    /// Applies the gradients of a step, which is the sum of these; variables that the loss does not
    /// depend on stay.
    ///
    /// # Errors
    /// A gradient cannot be read from the device.
    pub fn apply(&mut self, step: &StepVariables, grads: &[GradStore]) -> Result<()> {
        let mut updates = Vec::with_capacity(step.entries.len());
        for (name, rows, var) in &step.entries {
            let mut grads = grads.iter().filter_map(|grads| grads.get(var));
            let Some(first) = grads.next() else { continue };
            let mut grad = first.flatten_all()?.to_vec1::<f32>()?;
            for other in grads {
                let other = other.flatten_all()?.to_vec1::<f32>()?;
                grad.iter_mut().zip(other).for_each(|(to, x)| *to += x);
            }
            updates.push(Update { name, rows: rows.as_deref(), grad });
        }
        self.update(&updates)
    }

    /// Takes one step along gradients written by hand: all that the step has, each parameter
    /// once.
    ///
    /// # Errors
    /// No parameter of that name.
    pub fn update(&mut self, updates: &[Update<'_>]) -> Result<()> {
        let squares = |update: &Update<'_>| {
            update.grad.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>()
        };
        self.optimizer.begin_step(|| updates.iter().map(squares).sum::<f64>().sqrt());
        for Update { name, rows, grad } in updates {
            let parameter = self.parameters.get_mut(*name).ok_or_else(|| unknown(name))?;
            let Some(rows) = rows else {
                let [first, second] = &mut parameter.state;
                self.optimizer.update(&mut parameter.values, grad, [first, second]);
                continue;
            };
            for (&row, grad) in rows.iter().zip(grad.chunks_exact(parameter.shape[1])) {
                let (values, state) = parameter.row(row);
                self.optimizer.update(values, grad, state);
                if let Some(current) = parameter.current.get_mut(row as usize) {
                    *current = self.optimizer.step();
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
                // Resting rows are brought up to date in a copy, so that looking changes nothing.
                let mut copy = parameter.clone();
                for row in 0..parameter.current.len() as u32 {
                    copy.catch_up(row, &self.optimizer);
                }
                Ok((name.clone(), tensor(&copy.values, &copy.shape)?))
            })
            .collect()
    }

    /// Values and optimiser state, to resume a training.
    ///
    /// # Errors
    /// Out of memory.
    pub fn state(&self) -> Result<Weights> {
        let mut state = Weights::new();
        for (name, parameter) in &self.parameters {
            state.insert(name.clone(), tensor(&parameter.values, &parameter.shape)?);
            for (slot, values) in STATE.iter().zip(&parameter.state) {
                if !values.is_empty() {
                    state.insert(format!("{name}:{slot}"), tensor(values, &parameter.shape)?);
                }
            }
            let current = &parameter.current;
            if !current.is_empty() {
                let current = Tensor::from_slice(current, current.len(), &Device::Cpu)?;
                state.insert(format!("{name}:{CURRENT}"), current);
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
            parameter.current = match state.get(&format!("{name}:{CURRENT}")) {
                Some(current) => current.to_vec1()?,
                None => Vec::new(),
            };
        }
        let step = state.get(STEP).ok_or_else(|| missing(STEP))?.to_vec1::<u32>()?;
        self.optimizer.set_step(step.first().copied().unwrap_or(0));
        Ok(())
    }
}

impl StepVariables {
    fn track(&mut self, name: &str, rows: Option<Vec<u32>>, var: Var) -> Tensor {
        let tensor = var.as_tensor().clone();
        self.entries.push((name.to_owned(), rows, var));
        tensor
    }
}

fn unknown(name: &str) -> Error {
    Error::Compute(format!("the model has no parameter '{name}'"))
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
    use super::super::{OptimizerConfig, Options};
    use super::*;

    fn parameters() -> Parameters {
        let mut options = Options::default();
        options.set("learning_rate", 0.1.into());
        let config = OptimizerConfig::new(&options).unwrap();
        let mut parameters = Parameters::new(Optimizer::new(&config, 1));
        parameters.add("table", &[3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        parameters
    }

    fn step(parameters: &mut Parameters, rows: &[u32]) {
        let mut variables = StepVariables::default();
        let picked = parameters.rows("table", rows, &mut variables, &Device::Cpu).unwrap();
        let grads = picked.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        parameters.apply(&variables, &[grads]).unwrap();
    }

    fn table(parameters: &Parameters) -> Vec<Vec<f32>> {
        parameters.weights().unwrap()["table"].to_vec2().unwrap()
    }

    #[test]
    fn only_the_rows_of_the_batch_move() {
        let mut parameters = parameters();
        step(&mut parameters, &[2, 0]);
        let table = table(&parameters);
        assert_eq!(table[1], [3.0, 4.0]);
        // Adam's first step has the size of the learning rate.
        for (got, expected) in table[2].iter().zip([4.9, 5.9]) {
            assert!((got - expected).abs() < 1e-5, "{table:?}");
        }
    }

    #[test]
    fn gradients_written_by_hand_do_what_derived_ones_do() {
        let (mut derived, mut written) = (parameters(), parameters());
        for rows in [[2, 0], [1, 2], [0, 2]] {
            step(&mut derived, &rows);
            let values = written.gather("table", &rows).unwrap();
            let grad = values.iter().map(|x| 2.0 * x).collect();
            written.update(&[Update { name: "table", rows: Some(&rows), grad }]).unwrap();
        }
        assert_eq!(table(&derived), table(&written));
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
        assert_eq!(table(&whole), table(&resumed));
    }

    #[test]
    fn other_values_take_the_place_of_the_first_if_they_have_their_shape() {
        let mut parameters = parameters();
        let values = Tensor::new(&[[9.0_f64, 8.0], [7.0, 6.0], [5.0, 4.0]], &Device::Cpu).unwrap();
        parameters.set("table", &values).unwrap();
        assert_eq!(table(&parameters)[0], [9.0, 8.0]);
        let message = parameters.set("table", &values.t().unwrap()).unwrap_err().to_string();
        assert!(message.contains("'table'") && message.contains("[2, 3]"), "{message}");
        assert!(parameters.set("tables", &values).is_err());
    }

    #[test]
    fn a_missing_tensor_is_named() {
        let message = parameters().restore(&Weights::new()).unwrap_err().to_string();
        assert!(message.contains("'table'"), "{message}");
    }
}
