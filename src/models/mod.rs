//! The models: one file each, one line in [`REGISTRY`].

mod bpr;
mod coat;
mod ease;
mod gru4rec;
mod harm;
mod improved_gru4rec;
mod item_knn;
mod narm;
mod neumf;
mod popularity;
mod rules;
mod sasrec;
mod session_knn;
mod wmf;

use crate::train::ModelSpec;

/// Every model; `train_<name>` trains it.
pub static REGISTRY: &[&ModelSpec] = &[
    &harm::SPEC,
    &sasrec::SPEC,
    &gru4rec::SPEC,
    &improved_gru4rec::SPEC,
    &narm::SPEC,
    &bpr::SPEC,
    &neumf::GMF,
    &neumf::SPEC,
    &neumf::CNN,
    &neumf::LSTM,
    &coat::SPEC,
    &wmf::SPEC,
    &ease::SPEC,
    &popularity::SPEC,
    &item_knn::SPEC,
    &rules::SPEC,
    &session_knn::SPEC,
];

/// The model of that name.
pub fn find(name: &str) -> Option<&'static ModelSpec> {
    REGISTRY.iter().copied().find(|spec| spec.name == name)
}
