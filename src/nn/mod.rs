//! Layers, losses and other parts shared by models. Shapes: `B` examples, `L` positions, `D` embedding size.

mod additive;
mod attention;
mod dropout;
#[cfg(test)]
mod gradient_tests;
mod gru;
mod host;
mod init;
mod inverse;
mod layer_norm;
mod linear;
mod links;
mod loss;
mod scores;
mod sigmoid;
mod topk;

pub use additive::causal_additive;
pub use attention::{causal_attention, causal_softmax, masked_softmax, self_attention};
pub use dropout::Dropout;
pub use gru::gru;
pub use host::{dot, sigmoid, softplus};
pub use init::{normal, normals};
pub use inverse::inverse;
pub use layer_norm::layer_norm;
pub use linear::linear;
pub use links::SongLinks;
pub use loss::{ABSENT, Loss, Shared};
pub use scores::{rank_unplayed_last, score_catalogue};
pub use sigmoid::sigmoid_of;
pub use topk::{Ranked, compare, keep_only, top_k};
