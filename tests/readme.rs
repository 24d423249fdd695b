//! Keeps README.md true: its marked commands are run.
//!
//! A fenced block is marked by the word `exercise` after its language, which readers do not see.
//! `sql` blocks run one after the other on one new database, from the repository's root; in `sh`
//! blocks, each `make` goal must exist and each `segue` command must run.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use std::process::Command;

use support::Engine;

const README: &str = include_str!("../README.md");
const MAKEFILE: &str = include_str!("../Makefile");

/// A marked block: its language, the line of its fence, its text.
#[derive(Debug, PartialEq)]
struct Block<'a> {
    language: &'a str,
    line: usize,
    text: String,
}

fn marked_blocks(markdown: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<(Option<&str>, usize, String)> = None;
    for (index, line) in markdown.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                let mut words = info.split_whitespace();
                let language = words.next();
                let marked = words.any(|word| word == "exercise");
                open = Some((language.filter(|_| marked), index + 1, String::new()));
            }
            (Some(_), Some(_)) => {
                if let Some((Some(language), line, text)) = open.take() {
                    blocks.push(Block { language, line, text });
                }
            }
            (None, Some((_, _, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fenced block is never closed");
    blocks
}

/// Why a shell command of the README cannot be right, if so.
fn wrong_command(command: &str, makefile: &str) -> Option<String> {
    let words: Vec<&str> = command.split_whitespace().take_while(|w| !w.starts_with('#')).collect();
    match words.as_slice() {
        [] | ["cargo", "build" | "run" | "test", ..] => None,
        ["make", goals @ ..] => goals
            .iter()
            .filter(|word| !word.contains('='))
            .find(|goal| !makefile.lines().any(|l| l.starts_with(&format!("{goal}:"))))
            .map(|goal| format!("`{command}`: the Makefile has no goal '{goal}'")),
        ["segue", ..] => {
            let script = format!("{} {}", shell_quoted(env!("CARGO_BIN_EXE_segue")), &command[5..]);
            let output = Command::new("sh")
                .args(["-c", &script])
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .output()
                .unwrap();
            (!output.status.success())
                .then(|| format!("`{command}`: {}", String::from_utf8_lossy(&output.stderr)))
        }
        _ => Some(format!("`{command}`: only make, cargo and segue commands can be exercised")),
    }
}

fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[test]
fn sql_blocks_run() {
    let engine = Engine::new().unwrap();
    for block in marked_blocks(README).iter().filter(|block| block.language == "sql") {
        if let Err(error) = engine.run(None, &block.text) {
            panic!("README.md:{}: {error}", block.line);
        }
    }
}

#[test]
fn shell_blocks_are_right() {
    let blocks = marked_blocks(README);
    let commands = || blocks.iter().filter(|b| b.language == "sh").flat_map(|b| b.text.lines());
    for shown in ["make demo", "make test"] {
        assert!(commands().any(|c| c.starts_with(shown)), "the README shows `{shown}`, marked");
    }
    let wrong: Vec<_> = commands().filter_map(|c| wrong_command(c, MAKEFILE)).collect();
    assert!(wrong.is_empty(), "README.md: {}", wrong.join("\n"));
}

#[test]
fn only_marked_blocks_are_taken() {
    let markdown = "```sql\nunmarked\n```\ntext\n```sql exercise\nSELECT 1;\nSELECT 2;\n```\n";
    let expected = Block { language: "sql", line: 5, text: "SELECT 1;\nSELECT 2;\n".into() };
    assert_eq!(marked_blocks(markdown), [expected]);
}

#[test]
fn wrong_commands_are_found() {
    let makefile = "demo: tools\n\techo\n";
    assert_eq!(wrong_command("make demo  # builds", makefile), None);
    assert_eq!(wrong_command("make demo FEATURES=bundled", makefile), None);
    assert!(wrong_command("make dmeo", makefile).unwrap().contains("no goal 'dmeo'"));
    assert!(wrong_command("rm -rf /", makefile).unwrap().contains("only make"));
}
