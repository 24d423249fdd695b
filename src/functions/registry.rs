//! Every SQL function, one line each, and every setting.

use std::sync::Arc;

use super::audio;
use super::chord_attention::ChordAttention;
use super::chords;
use super::contract::Registry;
use super::cross_validate::CrossValidate;
use super::evaluate::{CompareModels, Evaluate, EvaluateUsers, evaluate_users};
use super::files::{ExportModel, ImportModel};
use super::generate::{CreateListeningTables, GenerateListening};
use super::help::Functions;
use super::literals::{LiteralScore, Macros};
use super::macros;
use super::models::{DropModel, FieldAttention, Models, TrainingHistory, UseModel};
use super::recommend::{NextSongs, Recommend, Score};
use super::sessionize::Sessionize;
use super::settings::SETTINGS;
use super::split;
use super::stop::Stop;
use super::training::Train;
use super::tune::Tune;
use super::types::Types;
use crate::models::REGISTRY;
pub use crate::store::MACROS;

/// All functions and settings.
pub fn registry() -> Registry {
    let mut registry = Registry {
        settings: SETTINGS.to_vec(),
        tables: vec![
            Arc::new(CrossValidate),
            Arc::new(Evaluate),
            Arc::new(EvaluateUsers),
            Arc::new(CompareModels),
            Arc::new(Models),
            Arc::new(TrainingHistory),
            Arc::new(Tune),
            Arc::new(UseModel),
            Arc::new(DropModel),
            Arc::new(ExportModel),
            Arc::new(ImportModel),
            Arc::new(Types),
            Arc::new(FieldAttention),
            Arc::new(ChordAttention),
            Arc::new(GenerateListening),
            Arc::new(CreateListeningTables),
            Arc::new(audio::ExtractChordsBatch),
            Arc::new(audio::ExtractFeaturesBatch),
            Arc::new(audio::TrainAudioCnn),
            Arc::new(audio::AudioVectors),
            Arc::new(Functions),
            Arc::new(Stop),
            Arc::new(Macros),
        ],
        queries: [split::all(), vec![evaluate_users()]].concat(),
        scalars: vec![
            Arc::new(Recommend),
            Arc::new(NextSongs),
            Arc::new(Score),
            Arc::new(LiteralScore(0)),
            Arc::new(LiteralScore(1)),
            Arc::new(LiteralScore(2)),
            Arc::new(Sessionize),
        ],
        macros: macros::all(),
    };
    registry.scalars.extend(chords::all());
    registry.scalars.extend(audio::all());
    for spec in REGISTRY {
        registry.tables.push(Arc::new(Train(spec)));
    }
    registry
}
