//! Scales of 256 colours, from dark to bright.
//!
//! Viridis and magma are by Stéfan van der Walt, Nathaniel Smith and, viridis, Eric Firing, who gave them
//! to the public domain (CC0); `colours/tables.py` writes them.

/// A scale of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// Black over purple and orange to light yellow.
    Magma,
    /// Dark purple over green to yellow.
    Viridis,
    /// Black to white.
    Grey,
}

const MAGMA: &[u8; 768] = include_bytes!("colours/magma.rgb");
const VIRIDIS: &[u8; 768] = include_bytes!("colours/viridis.rgb");

impl Colours {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Magma, Self::Viridis, Self::Grey];

    /// As it is written: `magma`, `viridis` or `grey`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Magma => "magma",
            Self::Viridis => "viridis",
            Self::Grey => "grey",
        }
    }

    /// The colours from the lowest to the highest, as red, green and blue.
    pub fn table(self) -> [[u8; 3]; 256] {
        let of =
            |bytes: &[u8; 768]| std::array::from_fn(|i| std::array::from_fn(|c| bytes[3 * i + c]));
        match self {
            Self::Magma => of(MAGMA),
            Self::Viridis => of(VIRIDIS),
            Self::Grey => std::array::from_fn(|i| [i as u8; 3]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_become_brighter_and_end_as_published() {
        let ends = [
            (Colours::Magma, [0, 0, 4], [252, 253, 191]),
            (Colours::Viridis, [68, 1, 84], [253, 231, 37]),
            (Colours::Grey, [0; 3], [255; 3]),
        ];
        for (colours, first, last) in ends {
            let table = colours.table();
            assert_eq!((table[0], table[255]), (first, last), "{}", colours.name());
            // Their luminance, ITU-R BT.601.
            let light = table.map(|[r, g, b]| {
                0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b)
            });
            assert!(light.windows(2).all(|pair| pair[1] > pair[0] - 0.7), "{}", colours.name());
        }
    }
}
