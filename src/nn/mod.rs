//! Layers, losses and other parts shared by models. Shapes: `B` examples, `L` positions, `D` embedding size.

mod additive;
mod attention;
mod categorical_cross_entropy;
mod cholesky;
mod code_attention;
mod code_logits;
mod convolution;
mod cross_entropy;
mod dropout;
mod field_attention;
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
mod max_pool;
mod mean_rows;
mod pairs;
mod product;
mod relu;
mod scores;
mod sigmoid;
mod topk;

/// Stands in a list of indices where there is none.
pub const ABSENT: u32 = u32::MAX;

pub use additive::causal_additive;
pub use attention::{causal_attention, causal_softmax, masked_softmax, self_attention};
pub use categorical_cross_entropy::categorical_cross_entropy;
pub use cholesky::solve;
pub use code_attention::{Codes, code_logits, mix_codes};
pub use convolution::convolution;
pub use cross_entropy::binary_cross_entropy;
pub use dropout::{Dropout, times};
pub use field_attention::{Places, attend_fields, mix_fields, softmax_along, softmax_rows};
pub use gru::gru;
pub use host::{dot, exp, sigmoid, softplus};
pub use init::{normal, normals};
pub use inverse::inverse;
pub use layer_norm::layer_norm;
pub use linear::{add_bias, linear};
pub use links::SongLinks;
pub use loss::{Loss, Shared};
pub use max_pool::max_pool;
pub use mean_rows::{Groups, mean_rows};
pub use pairs::{Meetings, pair_dots, pair_relu};
pub use relu::relu;
pub use scores::{rank_unplayed_last, score_catalogue};
pub use sigmoid::sigmoid_of;
pub use topk::{Ranked, compare, keep_only, top_k};
