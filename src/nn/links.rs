//! Weighted links from song to song: what neighbourhood models learn.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{Device, Tensor};

use crate::error::{Error, Result};

/// For each song, the songs it leads to and how strongly, packed.
#[derive(Debug, Clone)]
pub struct SongLinks {
    offsets: Arc<Vec<u32>>,
    songs: Arc<Vec<u32>>,
    weights: Arc<Vec<f32>>,
}

impl SongLinks {
    /// The `longest` strongest links of a song, strongest first; of equal weights the lower song
    /// index. A song may be linked to most others; only what is kept takes memory.
    pub fn strongest(mut links: Vec<(u32, f32)>, longest: usize) -> Vec<(u32, f32)> {
        links.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        links.truncate(longest);
        links.shrink_to_fit();
        links
    }

    /// Packs one list for each song.
    ///
    /// # Errors
    /// More than 2³² links.
    pub fn pack(lists: Vec<Vec<(u32, f32)>>) -> Result<Self> {
        let mut offsets = vec![0];
        let (mut songs, mut weights) = (Vec::new(), Vec::new());
        for list in lists {
            songs.extend(list.iter().map(|&(song, _)| song));
            weights.extend(list.iter().map(|&(_, weight)| weight));
            let end = u32::try_from(songs.len()).map_err(|_| {
                Error::data("there are more links between songs than a model holds; keep fewer")
            })?;
            offsets.push(end);
        }
        Ok(Self { offsets: offsets.into(), songs: songs.into(), weights: weights.into() })
    }

    /// How many songs there are.
    pub fn songs(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The links of a song, strongest first.
    pub fn of(&self, song: u32) -> impl Iterator<Item = (u32, f32)> + '_ {
        let song = song as usize;
        let range = self.offsets[song] as usize..self.offsets[song + 1] as usize;
        self.songs[range.clone()].iter().copied().zip(self.weights[range].iter().copied())
    }

    /// The links as tensors, to be stored.
    ///
    /// # Errors
    /// Out of memory.
    pub fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        let (links, rows) = (self.songs.len(), self.offsets.len());
        Ok(BTreeMap::from([
            ("offsets".to_owned(), Tensor::from_slice(&self.offsets, rows, &Device::Cpu)?),
            ("songs".to_owned(), Tensor::from_slice(&self.songs, links, &Device::Cpu)?),
            ("weights".to_owned(), Tensor::from_slice(&self.weights, links, &Device::Cpu)?),
        ]))
    }

    /// Takes back what [`SongLinks::tensors`] gave, for a catalogue of `count` songs.
    ///
    /// # Errors
    /// A tensor is missing, or they do not fit each other.
    pub fn load(tensors: &BTreeMap<String, Tensor>, count: usize) -> Result<Self> {
        let get = |name: &str| {
            tensors.get(name).ok_or_else(|| {
                Error::model(format!("the stored model has no tensor '{name}'; train it again"))
            })
        };
        let offsets: Vec<u32> = get("offsets")?.to_vec1()?;
        let songs: Vec<u32> = get("songs")?.to_vec1()?;
        let weights: Vec<f32> = get("weights")?.to_vec1()?;
        let end = offsets.last().map(|&end| end as usize);
        let whole = offsets.len() == count + 1
            && offsets.first() == Some(&0)
            && offsets.is_sorted()
            && end == Some(songs.len())
            && end == Some(weights.len())
            && songs.iter().all(|&song| (song as usize) < count);
        if !whole {
            return Err(Error::model("the links of the stored model are damaged; train it again"));
        }
        Ok(Self { offsets: offsets.into(), songs: songs.into(), weights: weights.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strongest_first_and_stored_whole() {
        let first = SongLinks::strongest(vec![(2, 0.5), (1, 0.5), (0, 2.0), (3, 0.1)], 3);
        let links = SongLinks::pack(vec![first, vec![], vec![], vec![(0, 1.0)]]).unwrap();
        assert_eq!(links.of(0).collect::<Vec<_>>(), [(0, 2.0), (1, 0.5), (2, 0.5)]);
        assert_eq!(links.of(1).count(), 0);
        let again = SongLinks::load(&links.tensors().unwrap(), 4).unwrap();
        assert_eq!(again.of(3).collect::<Vec<_>>(), [(0, 1.0)]);
    }

    #[test]
    fn damage_is_refused() {
        let links = SongLinks::pack(vec![vec![(1, 1.0)], vec![]]).unwrap();
        let message = |tensors, songs| SongLinks::load(&tensors, songs).unwrap_err().to_string();
        assert!(message(links.tensors().unwrap(), 3).contains("damaged"));
        assert!(message(links.tensors().unwrap(), 1).contains("damaged"));
        let mut tensors = links.tensors().unwrap();
        tensors.remove("songs");
        assert!(message(tensors, 2).contains("'songs'"));
    }
}
