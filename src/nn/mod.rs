//! Layers, losses and other parts shared by models. Shapes: `B` examples, `L` positions, `D` embedding size.

mod attention;
mod init;
mod links;
mod loss;
mod topk;

pub use attention::{masked_softmax, self_attention};
pub use init::{normal, normals};
pub use links::SongLinks;
pub use loss::{logistic_loss, softmax_loss};
pub use topk::{Ranked, compare, keep_only, top_k};
