//! Rows of songs or users → fields.

use duckdb::Connection;
use duckdb::arrow::array::{Array, ArrayRef};

use super::arrow::{self, Ids};
use super::columns::FieldKind;
use super::plan::{AttributesPlan, FieldPlan};
use crate::control::Control;
use crate::data::{CategoryColumn, Field, Interner, ListColumn, NumberColumn, Vocab};
use crate::error::Result;

/// A text column is taken for a title or an address from this many values on …
const TITLES_FROM: usize = 50;
/// … if more than this share of them, in percent, are distinct.
const TITLES_DISTINCT: usize = 50;

/// Attributes as they were read, ids as codes.
pub(super) struct Attributes {
    plan: AttributesPlan,
    ids: Vec<u32>,
    columns: Vec<AttributeColumn>,
    without_id: u64,
}

enum AttributeColumn {
    Category(CategoryColumn),
    List(ListColumn),
    Number(NumberColumn),
}

impl Attributes {
    /// Reads all rows; their ids join those met before.
    pub(super) fn read(
        conn: &Connection,
        plan: AttributesPlan,
        ids: &mut Interner,
        control: &Control,
    ) -> Result<Self> {
        let columns = plan.fields.iter().map(|field| AttributeColumn::new(field.kind));
        let mut columns: Vec<AttributeColumn> = columns.collect();
        let (mut codes, mut without_id) = (Vec::new(), 0);
        arrow::read(conn, &plan.relation, &plan.expressions(), control, |batch| {
            let batch_ids = Ids::new(&batch[0])?;
            let mut kept = Vec::with_capacity(batch[0].len());
            for row in 0..batch[0].len() {
                if let Some(id) = batch_ids.get(row) {
                    codes.push(ids.code(id));
                    kept.push(row);
                }
            }
            without_id += (batch[0].len() - kept.len()) as u64;
            for (column, array) in columns.iter_mut().zip(&batch[1..]) {
                column.push(array, &kept)?;
            }
            Ok(())
        })?;
        Ok(Self { plan, ids: codes, columns, without_id })
    }

    /// The fields, over the whole vocabulary; `ranks` gives the index of each id's code.
    pub(super) fn finish(
        self,
        vocab: &Vocab,
        ranks: &[u32],
        buckets: usize,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Field>> {
        let index: Vec<u32> = self.ids.iter().map(|&code| ranks[code as usize]).collect();
        let label = &self.plan.relation.label;
        refuse_repeats(&self.plan, &index, vocab)?;
        notes.extend(self.plan.notes.iter().cloned());
        if self.without_id > 0 {
            notes.push(format!(
                "{} of {} rows of {label} were left out: {} is NULL",
                self.without_id,
                self.without_id + index.len() as u64,
                self.plan.id.name
            ));
        }
        let mut fields = Vec::new();
        for (plan, column) in self.plan.fields.iter().zip(self.columns) {
            let name = &plan.column.name;
            if let Some(reason) = column.unfit(plan) {
                notes.push(format!("{name} of {label} was left out: {reason}"));
                continue;
            }
            fields.push(match column {
                AttributeColumn::Category(column) => column.finish(name, &index, vocab.len()),
                AttributeColumn::List(column) => column.finish(name, &index, vocab.len()),
                AttributeColumn::Number(column) => {
                    column.finish(name, &index, vocab.len(), buckets)
                }
            });
        }
        Ok(fields)
    }
}

impl AttributeColumn {
    fn new(kind: FieldKind) -> Self {
        match kind {
            FieldKind::Category(integers) => Self::Category(CategoryColumn::new(integers)),
            FieldKind::List(integers) => Self::List(ListColumn::new(integers)),
            FieldKind::Number(kind) => Self::Number(NumberColumn::new(kind)),
        }
    }

    /// Adds the rows of a batch.
    fn push(&mut self, array: &ArrayRef, rows: &[usize]) -> Result<()> {
        match self {
            Self::Category(column) => {
                let values = Ids::new(array)?;
                rows.iter().for_each(|&row| column.push(values.get(row)));
            }
            Self::List(column) => {
                let (lists, values) = arrow::lists(array)?;
                let offsets = lists.value_offsets();
                for &row in rows {
                    let range = offsets[row] as usize..offsets[row + 1] as usize;
                    if lists.is_valid(row) {
                        range.filter_map(|at| values.get(at)).for_each(|value| column.push(value));
                    }
                    column.end_row();
                }
            }
            Self::Number(column) => {
                let values = arrow::numbers(array)?;
                for &row in rows {
                    column.push(values.is_valid(row).then(|| values.value(row)));
                }
            }
        }
        Ok(())
    }

    /// Why the column is of no use as a field, unless the analyst named it.
    fn unfit(&self, plan: &FieldPlan) -> Option<String> {
        if plan.named {
            return None;
        }
        let (distinct, present) = match self {
            Self::Category(column) => (column.distinct(), column.present()),
            Self::List(column) => (0, column.distinct()),
            Self::Number(column) => (0, column.present()),
        };
        if present == 0 {
            return Some("it has no values".to_owned());
        }
        let is_title = present >= TITLES_FROM && distinct * 100 > present * TITLES_DISTINCT;
        is_title.then(|| {
            format!(
                "{distinct} of its {present} values are distinct, as in a title; name it to use it"
            )
        })
    }
}

/// One song or user has one row of attributes.
fn refuse_repeats(plan: &AttributesPlan, index: &[u32], vocab: &Vocab) -> Result<()> {
    let mut seen = vec![false; vocab.len()];
    let mut repeats = index.iter().filter(|&&id| std::mem::replace(&mut seen[id as usize], true));
    let Some(&first) = repeats.next() else { return Ok(()) };
    let (label, id) = (&plan.relation.label, &plan.id.name);
    Err(plan.relation.error(format!(
        "{label} has {} more rows than distinct {id}s, e.g. two for {}; keep one row each, e.g. \
         '(SELECT DISTINCT ON ({id}) * FROM …)'",
        1 + repeats.count(),
        vocab.text(first)
    )))
}
