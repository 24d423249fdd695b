//! Where users meet songs: a row of one table and a row of another for every pair.

use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};

use super::host;
use crate::error::{Error, Result};

/// Which rows meet: pair `b` is of row `users[b]` of one table and row `songs[b]` of another.
#[derive(Debug, Clone, Default)]
pub struct Meetings {
    /// Rows of the users' table (B).
    pub users: Vec<u32>,
    /// Rows of the songs' table (B).
    pub songs: Vec<u32>,
}

impl Meetings {
    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    fn each(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.users.iter().zip(&self.songs).map(|(&user, &song)| (user as usize, song as usize))
    }

    /// The width that both tables have.
    fn width(&self, users: &Tensor, songs: &Tensor) -> Result<usize> {
        let ((user_rows, width), (song_rows, other)) = (users.dims2()?, songs.dims2()?);
        let within = |at: &[u32], rows: usize| at.iter().all(|&row| (row as usize) < rows);
        let fits = within(&self.users, user_rows) && within(&self.songs, song_rows);
        if width != other || !fits || self.users.len() != self.songs.len() {
            return Err(Error::Compute(format!(
                "pairs of tables of shape {:?} and {:?} do not fit",
                users.dims(),
                songs.dims()
            )));
        }
        Ok(width)
    }

    fn gather(&self, users: &Tensor, songs: &Tensor) -> Result<(Tensor, Tensor)> {
        let rows = |table: &Tensor, at: &[u32]| {
            let at = Tensor::from_slice(at, at.len(), table.device())?;
            Ok::<_, Error>(table.index_select(&at, 0)?)
        };
        Ok((rows(users, &self.users)?, rows(songs, &self.songs)?))
    }
}

/// The product of each pair's rows (B): `users` is `(U, D)`, `songs` `(S, D)`.
///
/// # Errors
/// Shapes that do not fit, a row that is not there.
pub fn pair_dots(users: &Tensor, songs: &Tensor, pairs: &Meetings) -> Result<Tensor> {
    let width = pairs.width(users, songs)?;
    if !host::is_fused(users) {
        let (users, songs) = pairs.gather(users, songs)?;
        return Ok((users * songs)?.sum(1)?);
    }
    let op = Meet { pairs: pairs.clone(), width, how: How::Dot };
    Ok(users.contiguous()?.apply_op2(&songs.contiguous()?, op)?)
}

/// `max(0, u + s)` of each pair's rows `(B, H)`: `users` is `(U, H)`, `songs` `(S, H)`. A layer over
/// both sides at once, whose products are taken once for each row and not once for each pair.
///
/// # Errors
/// Shapes that do not fit, a row that is not there.
pub fn pair_relu(users: &Tensor, songs: &Tensor, pairs: &Meetings) -> Result<Tensor> {
    let width = pairs.width(users, songs)?;
    if !host::is_fused(users) {
        let (users, songs) = pairs.gather(users, songs)?;
        return Ok((users + songs)?.relu()?);
    }
    let op = Meet { pairs: pairs.clone(), width, how: How::Relu };
    Ok(users.contiguous()?.apply_op2(&songs.contiguous()?, op)?)
}

#[derive(Clone, Copy, PartialEq)]
enum How {
    Dot,
    Relu,
}

/// In one pass each way, without a copy of the rows for each pair.
struct Meet {
    pairs: Meetings,
    width: usize,
    how: How,
}

impl Meet {
    fn forward(&self, users: &[f32], songs: &[f32]) -> Vec<f32> {
        let row = |at: usize| at * self.width..(at + 1) * self.width;
        let rows = self.pairs.each().map(|(user, song)| (&users[row(user)], &songs[row(song)]));
        if self.how == How::Dot {
            return rows.map(|(user, song)| host::dot(user, song)).collect();
        }
        let mut out = Vec::with_capacity(self.pairs.len() * self.width);
        for (user, song) in rows {
            out.extend(user.iter().zip(song).map(|(user, song)| (user + song).max(0.0)));
        }
        out
    }

    /// The gradients of users and songs.
    fn backward(&self, users: &[f32], songs: &[f32], out: &[f32], grad: &[f32]) -> [Vec<f32>; 2] {
        let row = |at: usize| at * self.width..(at + 1) * self.width;
        let (mut users_grad, mut songs_grad) = (vec![0.0; users.len()], vec![0.0; songs.len()]);
        for (pair, (user, song)) in self.pairs.each().enumerate() {
            let to_user = users_grad[row(user)].iter_mut();
            let to_song = songs_grad[row(song)].iter_mut();
            if self.how == How::Dot {
                let slope = grad[pair];
                to_user.zip(&songs[row(song)]).for_each(|(to, song)| *to += slope * song);
                to_song.zip(&users[row(user)]).for_each(|(to, user)| *to += slope * user);
                continue;
            }
            let slopes = grad[row(pair)].iter().zip(&out[row(pair)]);
            for ((to_user, to_song), (grad, out)) in to_user.zip(to_song).zip(slopes) {
                let slope = if *out > 0.0 { *grad } else { 0.0 };
                *to_user += slope;
                *to_song += slope;
            }
        }
        [users_grad, songs_grad]
    }
}

impl CustomOp2 for Meet {
    fn name(&self) -> &'static str {
        "pairs"
    }

    fn cpu_fwd(
        &self,
        users: &CpuStorage,
        users_layout: &Layout,
        songs: &CpuStorage,
        songs_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (users, songs) = (host::slice(users, users_layout)?, host::slice(songs, songs_layout)?);
        let shape = match self.how {
            How::Dot => Shape::from(self.pairs.len()),
            How::Relu => Shape::from((self.pairs.len(), self.width)),
        };
        Ok((CpuStorage::F32(self.forward(users, songs)), shape))
    }

    fn bwd(
        &self,
        users: &Tensor,
        songs: &Tensor,
        out: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let [users_values, songs_values, out, grad] = [users, songs, out, grad].map(host::values);
        let [to_users, to_songs] = self.backward(&users_values?, &songs_values?, &out?, &grad?);
        let tensor = |values: Vec<f32>, like: &Tensor| {
            Tensor::from_vec(values, like.shape(), like.device()).map(Some)
        };
        Ok((tensor(to_users, users)?, tensor(to_songs, songs)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_tests::{assert_gradients, random};

    fn pairs() -> Meetings {
        Meetings { users: vec![1, 0, 1, 1], songs: vec![2, 2, 0, 2] }
    }

    #[test]
    fn values_by_hand() {
        let tensor = |values: &[f32]| Tensor::from_slice(values, (2, 2), &candle_core::Device::Cpu);
        let users = tensor(&[1.0, 2.0, -3.0, 0.5]).unwrap();
        let songs = tensor(&[2.0, -1.0, 4.0, 0.0]).unwrap();
        let pairs = Meetings { users: vec![1, 0], songs: vec![0, 1] };
        let dots: Vec<f32> = pair_dots(&users, &songs, &pairs).unwrap().to_vec1().unwrap();
        assert_eq!(dots, [-6.5, 4.0]);
        let sums: Vec<Vec<f32>> = pair_relu(&users, &songs, &pairs).unwrap().to_vec2().unwrap();
        assert_eq!(sums, [[0.0, 0.0], [5.0, 2.0]]);
        let outside = Meetings { users: vec![2], songs: vec![0] };
        assert!(pair_dots(&users, &songs, &outside).is_err());
    }

    #[test]
    fn gradients_by_difference() {
        let tables = [random(&[2, 5], 1), random(&[3, 5], 2)];
        assert_gradients(&tables, |args| pair_dots(&args[0], &args[1], &pairs()));
        // Row 1 of the songs meets nobody and has a gradient of 0.
        assert_gradients(&tables, |args| pair_relu(&args[0], &args[1], &pairs()));
    }
}
