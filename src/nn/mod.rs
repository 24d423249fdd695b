//! Layers and losses shared by models. Shapes: `B` examples, `L` positions, `D` embedding size.

mod attention;
mod init;
mod loss;
mod topk;

pub use attention::{masked_softmax, self_attention};
pub use init::{normal, normals};
pub use loss::{logistic_loss, softmax_loss};
pub use topk::{Ranked, rank_of, top_k};
