//! The models: one file each, one line in [`REGISTRY`].

pub mod audio_cnn;
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

/// Every model that recommends; `train_<name>` trains it.
pub static REGISTRY: &[&ModelSpec] = &[
    &harm::SPEC,
    &sasrec::SPEC,
    &gru4rec::SPEC,
    &improved_gru4rec::SPEC,
    &narm::SPEC,
    &bpr::SPEC,
    &wmf::SPEC,
    &neumf::GMF,
    &neumf::SPEC,
    &neumf::CNN,
    &neumf::LSTM,
    &coat::SPEC,
    &ease::SPEC,
    &popularity::SPEC,
    &item_knn::SPEC,
    &rules::SPEC,
    &session_knn::SPEC,
];

/// What is trained and stored as models are, and recommends nothing.
pub static LISTENERS: &[&ModelSpec] = &[&audio_cnn::SPEC];

/// The model of that name.
pub fn find(name: &str) -> Option<&'static ModelSpec> {
    REGISTRY.iter().chain(LISTENERS).copied().find(|spec| spec.name == name)
}

/// Whether a model of that name recommends nothing.
pub fn is_listener(name: &str) -> bool {
    LISTENERS.iter().any(|spec| spec.name == name)
}
