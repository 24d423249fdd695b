//! Types that arrive as bytes: BLOB, BIT, BIGNUM, and what Arrow has no type for.

use std::fmt::Write;

use duckdb::core::LogicalTypeId;

use super::time;

/// Appends the text of a value that arrived as bytes.
pub(super) fn write(out: &mut String, id: LogicalTypeId, bytes: &[u8]) {
    let sixteen = <[u8; 16]>::try_from(bytes).ok();
    let _ = match (id, sixteen) {
        (LogicalTypeId::Hugeint, Some(bytes)) => write!(out, "{}", i128::from_le_bytes(bytes)),
        (LogicalTypeId::UHugeint, Some(bytes)) => write!(out, "{}", u128::from_le_bytes(bytes)),
        (LogicalTypeId::Uuid, Some(bytes)) => {
            uuid(out, u128::from_be_bytes(bytes));
            Ok(())
        }
        (LogicalTypeId::TimeTZ, None) => {
            match bytes.try_into() {
                Ok(bytes) => time::time_with_zone(out, u64::from_le_bytes(bytes)),
                Err(_) => blob(out, bytes),
            }
            Ok(())
        }
        (LogicalTypeId::Bit, _) => {
            bits(out, bytes);
            Ok(())
        }
        (LogicalTypeId::Bignum, _) => {
            bignum(out, bytes);
            Ok(())
        }
        _ => {
            blob(out, bytes);
            Ok(())
        }
    };
}

/// Printable ASCII as itself, the rest as `\xHH`.
fn blob(out: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        if matches!(byte, 32..=126) && !matches!(byte, b'\\' | b'\'' | b'"') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "\\x{byte:02X}");
        }
    }
}

fn uuid(out: &mut String, value: u128) {
    let digits = format!("{value:032x}");
    for (i, part) in [0..8, 8..12, 12..16, 16..20, 20..32].into_iter().enumerate() {
        if i > 0 {
            out.push('-');
        }
        out.push_str(&digits[part]);
    }
}

/// The first byte counts the unused leading bits of the second.
fn bits(out: &mut String, bytes: &[u8]) {
    let Some((&unused, data)) = bytes.split_first() else { return };
    let all = data.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
    out.extend(all.skip(unused.into()).map(|bit| if bit { '1' } else { '0' }));
}

/// Three bytes of sign and length, then the magnitude, most significant byte first; all bits of
/// a negative number are inverted.
fn bignum(out: &mut String, bytes: &[u8]) {
    let Some((header, data)) = bytes.split_at_checked(3) else { return };
    let negative = header[0] & 0x80 == 0;
    // Base 10^18, least significant limb first.
    const BASE: u128 = 1_000_000_000_000_000_000;
    let mut limbs: Vec<u128> = vec![0];
    for &byte in data {
        let mut carry = u128::from(if negative { !byte } else { byte });
        for limb in &mut limbs {
            let value = *limb * 256 + carry;
            (*limb, carry) = (value % BASE, value / BASE);
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    if negative {
        out.push('-');
    }
    for (i, limb) in limbs.iter().rev().enumerate() {
        let _ = if i == 0 { write!(out, "{limb}") } else { write!(out, "{limb:018}") };
    }
}
