//! The SQL type of a column, as the header of a result shows it.

use duckdb::arrow::datatypes::DataType;
use duckdb::core::{LogicalTypeHandle, LogicalTypeId as Id};

/// A SQL type with what Arrow does not carry.
#[derive(Debug, Clone)]
pub struct SqlType {
    /// Its kind.
    pub id: Id,
    /// Whether it is a VARCHAR that holds JSON.
    pub is_json: bool,
    /// Element, key and value, or members with their names.
    pub children: Vec<(String, SqlType)>,
    /// The name of a type without a kind of its own, or its parameters.
    detail: String,
}

impl SqlType {
    /// The type behind a result's column.
    pub fn new(handle: &LogicalTypeHandle, data_type: &DataType) -> Self {
        let id = handle.id();
        let alias = handle.get_alias().unwrap_or_default();
        let named = matches!(id, Id::Struct | Id::Union);
        let children = (0..handle.num_children())
            .map(|i| {
                let name = if named { handle.child_name(i) } else { String::new() };
                (name, Self::new(&handle.child(i), child_type(data_type, i)))
            })
            .collect();
        let detail = match (id, data_type) {
            (Id::Decimal, _) => format!("({},{})", handle.decimal_width(), handle.decimal_scale()),
            (Id::Array, DataType::FixedSizeList(_, size)) => format!("[{size}]"),
            _ => alias.to_lowercase(),
        };
        Self { id, is_json: alias.eq_ignore_ascii_case("json"), children, detail }
    }

    /// Whether values are right-aligned.
    pub fn is_number(&self) -> bool {
        matches!(
            self.id,
            Id::Tinyint
                | Id::Smallint
                | Id::Integer
                | Id::Bigint
                | Id::Hugeint
                | Id::UTinyint
                | Id::USmallint
                | Id::UInteger
                | Id::UBigint
                | Id::UHugeint
                | Id::Float
                | Id::Double
                | Id::Decimal
                | Id::SqlNull
        )
    }

    /// The name in a header: `int32`, `varchar`, `decimal(10,3)`, `int64[]`.
    pub fn header(&self) -> String {
        let name = match self.id {
            Id::Tinyint => "int8",
            Id::Smallint => "int16",
            Id::Integer | Id::SqlNull => "int32",
            Id::Bigint => "int64",
            Id::Hugeint => "int128",
            Id::UTinyint => "uint8",
            Id::USmallint => "uint16",
            Id::UInteger => "uint32",
            Id::UBigint => "uint64",
            Id::UHugeint => "uint128",
            Id::List => {
                return format!("{}[]", self.child(0).map_or_else(String::new, Self::header));
            }
            _ => return self.name(),
        };
        name.to_string()
    }

    /// The type's SQL name in lower case.
    fn name(&self) -> String {
        let child = |i| self.child(i).map_or_else(String::new, Self::name);
        match self.id {
            Id::Decimal => format!("decimal{}", self.detail),
            Id::List => format!("{}[]", child(0)),
            Id::Array => format!("{}{}", child(0), self.detail),
            Id::Map => format!("map({}, {})", child(0), child(1)),
            Id::Struct => format!("struct({})", self.members()),
            Id::Union => format!("union({})", self.members()),
            _ if !self.detail.is_empty() => self.detail.clone(),
            Id::UTinyint => "utinyint".into(),
            Id::USmallint => "usmallint".into(),
            Id::UInteger => "uinteger".into(),
            Id::UBigint => "ubigint".into(),
            Id::UHugeint => "uhugeint".into(),
            Id::TimestampS => "timestamp_s".into(),
            Id::TimestampMs => "timestamp_ms".into(),
            Id::TimestampNs => "timestamp_ns".into(),
            Id::TimestampTZ => "timestamp with time zone".into(),
            Id::TimeTZ => "time with time zone".into(),
            Id::TimeNs => "time_ns".into(),
            Id::SqlNull => "\"null\"".into(),
            id => format!("{id:?}").to_lowercase(),
        }
    }

    fn members(&self) -> String {
        let members: Vec<String> = self
            .children
            .iter()
            .map(|(name, child)| format!("{name} {}", child.name()).trim_start().to_string())
            .collect();
        members.join(", ")
    }

    /// The type of an element or member.
    pub(super) fn child(&self, index: usize) -> Option<&Self> {
        self.children.get(index).map(|(_, child)| child)
    }
}

/// The Arrow type of a child; only the sizes of arrays are read from it.
fn child_type(data_type: &DataType, index: usize) -> &DataType {
    match data_type {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            field.data_type()
        }
        DataType::Map(entries, _) => child_type(entries.data_type(), index),
        DataType::Struct(fields) => fields.get(index).map_or(&DataType::Null, |f| f.data_type()),
        DataType::Union(fields, _) => {
            fields.iter().nth(index).map_or(&DataType::Null, |(_, field)| field.data_type())
        }
        _ => &DataType::Null,
    }
}
