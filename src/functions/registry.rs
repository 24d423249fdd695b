//! Every SQL function, one line each, and every setting.

use std::sync::Arc;

use super::contract::Registry;
use super::evaluate::Evaluate;
use super::generate::{CreateListeningTables, GenerateListening};
use super::models::{DropModel, FieldAttention, Models, TrainingHistory, Types, UseModel};
use super::recommend::{NextSongs, Recommend, Score};
use super::sessionize::Sessionize;
use super::settings::SETTINGS;
use super::training::Train;
use crate::models::REGISTRY;
pub use crate::store::MACROS;

/// All functions and settings.
pub fn registry() -> Registry {
    let mut registry = Registry {
        settings: SETTINGS.to_vec(),
        tables: vec![
            Arc::new(Evaluate),
            Arc::new(Models),
            Arc::new(TrainingHistory),
            Arc::new(UseModel),
            Arc::new(DropModel),
            Arc::new(Types),
            Arc::new(FieldAttention),
            Arc::new(GenerateListening),
            Arc::new(CreateListeningTables),
        ],
        scalars: vec![
            Arc::new(Recommend),
            Arc::new(NextSongs),
            Arc::new(Score),
            Arc::new(Sessionize),
        ],
    };
    for spec in REGISTRY {
        registry.tables.push(Arc::new(Train(spec)));
    }
    registry
}
