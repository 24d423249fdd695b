use segue::functions::{MACROS, registry};
use segue::session::{OpenOptions, Session};
use std::path::Path;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let s = Session::open(Some(Path::new(&args[1])), &OpenOptions::default(), &registry(), MACROS)
        .unwrap();
    for sql in &args[2..] {
        let c = s.connection();
        let mut st = match c.prepare(sql) {
            Ok(s) => s,
            Err(e) => {
                println!("ERR {e}");
                continue;
            }
        };
        match st.stream_arrow([]) {
            Ok(_) => {}
            Err(e) => {
                println!("ERR {e}");
                continue;
            }
        }
        loop {
            match st.step() {
                Ok(Some(a)) => {
                    let b = duckdb::arrow::record_batch::RecordBatch::from(&a);
                    let opt =
                        duckdb::arrow::util::display::FormatOptions::default().with_null("NULL");
                    let f: Vec<_> = b
                        .columns()
                        .iter()
                        .map(|c| {
                            duckdb::arrow::util::display::ArrayFormatter::try_new(c, &opt).unwrap()
                        })
                        .collect();
                    for r in 0..b.num_rows() {
                        println!(
                            "{}",
                            f.iter()
                                .map(|f| f.value(r).to_string())
                                .collect::<Vec<_>>()
                                .join(" | ")
                        );
                    }
                }
                Ok(None) => break,
                Err(e) => {
                    println!("ERR {e}");
                    break;
                }
            }
        }
    }
}
