//! The distinct rows of a table in a batch.

/// Distinct rows in the order in which they were met, and where each stands among them.
#[derive(Debug)]
pub struct Distinct {
    rows: Vec<u32>,
    /// Where each row of the table stands in `rows`.
    place_of: Vec<u32>,
}

impl Distinct {
    const NONE: u32 = u32::MAX;

    /// None yet, of a table with so many rows.
    pub fn new(table: usize) -> Self {
        Self { rows: Vec::new(), place_of: vec![Self::NONE; table] }
    }

    /// The rows met, in order.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Forgets all rows, at the cost of those met.
    pub fn clear(&mut self) {
        for row in self.rows.drain(..) {
            self.place_of[row as usize] = Self::NONE;
        }
    }

    /// Where a row stands among those met, which it joins if it is new.
    pub fn place(&mut self, row: u32) -> usize {
        let place = &mut self.place_of[row as usize];
        if *place == Self::NONE {
            *place = self.rows.len() as u32;
            self.rows.push(row);
        }
        *place as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_one_place_until_all_are_forgotten() {
        let mut distinct = Distinct::new(10);
        assert_eq!([7, 2, 7, 9].map(|row| distinct.place(row)), [0, 1, 0, 2]);
        assert_eq!(distinct.rows(), [7, 2, 9]);
        distinct.clear();
        assert_eq!((distinct.place(9), distinct.rows()), (0, &[9][..]));
    }
}
