//! Cuts text into SQL statements and dot commands as it arrives, line by line.
//!
//! A statement ends at `;` outside quotes (`'…'`, `E'…'`, `"…"`, `$tag$…$tag$`) and comments
//! (`-- …`, nested `/* … */`). A dot command is a line that begins with `.` where a statement
//! could begin; the one command [`GEXEC`] may also end a statement, in place of its semicolon. The
//! state is kept between lines, so each byte is looked at once.

/// What the shell runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A SQL statement, with its semicolon if it had one.
    Sql(String),
    /// A dot command, with its dot, without the end of the line.
    Dot(String),
    /// A query whose values are to be run as statements, and the line that says so.
    Gexec {
        /// The query.
        sql: String,
        /// The dot command, without the end of the line.
        line: String,
    },
}

/// The dot command that ends a query and runs its values as statements.
pub const GEXEC: &str = ".gexec";

/// What a piece of text is to the splitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Space,
    Comment,
    Quoted,
    Semicolon,
    Plain,
}

/// Where between two bytes the lexer stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum State {
    #[default]
    Plain,
    Single {
        backslash_escapes: bool,
    },
    Double,
    LineComment,
    BlockComment(usize),
    Dollar(Vec<u8>),
}

/// Tells quotes and comments from the rest.
#[derive(Debug, Clone, Default)]
pub(super) struct Lexer {
    state: State,
}

impl Lexer {
    /// Classifies what stands at `at` and says where the next piece begins.
    pub(super) fn step(&mut self, text: &[u8], at: usize) -> (usize, Class) {
        let (byte, rest) = (text[at], &text[at..]);
        match &mut self.state {
            State::Plain => self.plain(text, at),
            State::Single { backslash_escapes } => {
                let escaped = *backslash_escapes && byte == b'\\' && rest.len() > 1;
                if escaped || rest.starts_with(b"''") {
                    return (at + 2, Class::Quoted);
                }
                if byte == b'\'' {
                    self.state = State::Plain;
                }
                (at + 1, Class::Quoted)
            }
            State::Double => {
                if byte == b'"' {
                    self.state = State::Plain;
                }
                (at + 1, Class::Quoted)
            }
            State::LineComment => {
                if byte == b'\n' {
                    self.state = State::Plain;
                }
                (at + 1, Class::Comment)
            }
            State::BlockComment(depth) => {
                if rest.starts_with(b"/*") {
                    *depth += 1;
                    return (at + 2, Class::Comment);
                }
                if !rest.starts_with(b"*/") {
                    return (at + 1, Class::Comment);
                }
                *depth -= 1;
                if *depth == 0 {
                    self.state = State::Plain;
                }
                (at + 2, Class::Comment)
            }
            State::Dollar(tag) => {
                if !rest.starts_with(tag) {
                    return (at + 1, Class::Quoted);
                }
                let end = at + tag.len();
                self.state = State::Plain;
                (end, Class::Quoted)
            }
        }
    }

    fn plain(&mut self, text: &[u8], at: usize) -> (usize, Class) {
        let rest = &text[at..];
        let before = |back: usize| at.checked_sub(back).map(|i| text[i]);
        match rest[0] {
            b'\'' => {
                let prefixed = matches!(before(1), Some(b'e' | b'E'));
                let backslash_escapes = prefixed && !before(2).is_some_and(is_word);
                self.state = State::Single { backslash_escapes };
                (at + 1, Class::Quoted)
            }
            b'"' => {
                self.state = State::Double;
                (at + 1, Class::Quoted)
            }
            b'-' if rest.starts_with(b"--") => {
                self.state = State::LineComment;
                (at + 2, Class::Comment)
            }
            b'/' if rest.starts_with(b"/*") => {
                self.state = State::BlockComment(1);
                (at + 2, Class::Comment)
            }
            b'$' if !before(1).is_some_and(is_word) => match dollar_tag(rest) {
                Some(tag) => {
                    let end = at + tag.len();
                    self.state = State::Dollar(tag.to_vec());
                    (end, Class::Quoted)
                }
                None => (at + 1, Class::Plain),
            },
            b';' => (at + 1, Class::Semicolon),
            byte if byte.is_ascii_whitespace() => (at + 1, Class::Space),
            _ => (at + 1, Class::Plain),
        }
    }

    /// Whether the text so far ends outside quotes and block comments.
    fn is_outside(&self) -> bool {
        matches!(self.state, State::Plain | State::LineComment)
    }
}

/// Whether a byte can be part of an unquoted name.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// The opening `$tag$` or `$$` of a dollar-quoted string; parameters such as `$1` are none.
fn dollar_tag(text: &[u8]) -> Option<&[u8]> {
    let end = 1 + text[1..].iter().position(|&byte| byte == b'$' || !is_word(byte))?;
    let closed = text[end] == b'$' && !text[1].is_ascii_digit();
    closed.then(|| &text[..=end])
}

/// Collects text and hands out what is complete.
#[derive(Debug, Default)]
pub struct Splitter {
    buffer: String,
    /// How far `lexer` has read `buffer`.
    read: usize,
    lexer: Lexer,
    /// Whether anything but space and comments stands in `buffer[..read]`.
    begun: bool,
    /// Whether a statement ended earlier on the line at which the buffer begins.
    mid_line: bool,
}

impl Splitter {
    /// Adds text; lines end with `\n`, which only the last line of an input may lack.
    pub fn push(&mut self, text: &str) {
        self.buffer.push_str(text);
    }

    /// The next complete statement or dot command.
    pub fn next_item(&mut self) -> Option<Item> {
        while self.read < self.buffer.len() {
            if let Some(line_end) = self.dot_command_end() {
                let rest = self.buffer.split_off(line_end);
                let mut sql = std::mem::replace(&mut self.buffer, rest);
                let line = sql.split_off(self.read).trim_end().to_string();
                let begun = self.begun;
                self.restart(false);
                let sql = sql.trim().to_string();
                return Some(if begun { Item::Gexec { sql, line } } else { Item::Dot(line) });
            }
            let (next, class) = self.lexer.step(self.buffer.as_bytes(), self.read);
            self.read = next;
            match class {
                Class::Semicolon => {
                    let rest = self.buffer.split_off(next);
                    let statement = std::mem::replace(&mut self.buffer, rest);
                    let begun = self.begun;
                    self.restart(true);
                    if begun {
                        return Some(Item::Sql(statement.trim().to_string()));
                    }
                }
                Class::Plain | Class::Quoted => self.begun = true,
                Class::Space | Class::Comment => {}
            }
        }
        if self.is_blank() {
            self.clear();
        }
        None
    }

    /// What is left when the input ends: a statement without its semicolon.
    pub fn finish(&mut self) -> Option<Item> {
        let item = self.next_item();
        if item.is_some() {
            return item;
        }
        let statement = std::mem::take(&mut self.buffer);
        let begun = self.begun;
        self.clear();
        begun.then(|| Item::Sql(statement.trim().to_string()))
    }

    /// Whether no statement has begun: only space and finished comments were seen.
    pub fn is_blank(&self) -> bool {
        !self.begun && self.lexer.is_outside()
    }

    /// Forgets what was not handed out.
    pub fn clear(&mut self) {
        let mid_line = self.mid_line && !self.buffer.contains('\n');
        self.buffer.clear();
        self.restart(mid_line);
    }

    fn restart(&mut self, mid_line: bool) {
        self.mid_line = mid_line;
        self.read = 0;
        self.lexer = Lexer::default();
        self.begun = false;
    }

    /// Where the line of a dot command ends that begins at `read`, if one does.
    fn dot_command_end(&self) -> Option<usize> {
        let bytes = self.buffer.as_bytes();
        if bytes[self.read] != b'.' || self.lexer.state != State::Plain {
            return None;
        }
        if self.begun {
            let after = bytes[self.read..].strip_prefix(GEXEC.as_bytes())?;
            if after.first().is_some_and(|&byte| !byte.is_ascii_whitespace()) {
                return None;
            }
        }
        let line_start = bytes[..self.read].iter().rposition(|&byte| byte == b'\n');
        let before = &bytes[line_start.map_or(0, |i| i + 1)..self.read];
        let begins =
            before.iter().all(u8::is_ascii_whitespace) && (line_start.is_some() || !self.mid_line);
        begins.then(|| {
            let rest = &bytes[self.read..];
            let length = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |i| i + 1);
            self.read + length
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Items of a text that is pushed line by line, and what remains at its end.
    fn split(text: &str) -> Vec<Item> {
        let mut splitter = Splitter::default();
        let mut items = Vec::new();
        for line in text.split_inclusive('\n') {
            splitter.push(line);
            items.extend(std::iter::from_fn(|| splitter.next_item()));
        }
        items.extend(splitter.finish());
        items
    }

    fn sql(text: &str) -> Item {
        Item::Sql(text.into())
    }

    #[test]
    fn semicolons_in_quotes_and_comments_end_nothing() {
        for statement in [
            "SELECT 'a;b''c;';",
            "SELECT \"a;\"\";b\";",
            "SELECT E'a\\';b';",
            "SELECT $$a;b$$;",
            "SELECT $tag$a;$$;$other$;$tag$;",
            "SELECT 1 -- a;b'\n+ 1;",
            "SELECT /* ; /* ; */ ; ' */ 1;",
            "SELECT 'a\n;\nb';",
            "SELECT $1, a$b$c;",
            "SELECT 'back\\';",
            "SELECT name'\\';",
        ] {
            let found = split(&format!("{statement}\nSELECT 2;\n"));
            assert_eq!(found, [sql(statement), sql("SELECT 2;")], "{statement}");
        }
    }

    #[test]
    fn several_statements_on_a_line_and_the_last_without_semicolon() {
        assert_eq!(
            split("SELECT 1; SELECT 2;;\n ; SELECT 3"),
            [sql("SELECT 1;"), sql("SELECT 2;"), sql("SELECT 3")]
        );
    }

    #[test]
    fn nothing_but_space_and_comments_is_no_statement() {
        assert!(split("  \n-- a\n/* b; */ ;\n;").is_empty());
        let mut splitter = Splitter::default();
        splitter.push("-- comment\n");
        assert_eq!(splitter.next_item(), None);
        assert!(splitter.is_blank());
        splitter.push("/* open\n");
        assert_eq!(splitter.next_item(), None);
        assert!(!splitter.is_blank());
    }

    #[test]
    fn dot_commands_stand_at_the_start_of_a_line_only() {
        assert_eq!(
            split(".mode csv\n  .headers off \nSELECT 1\n.5;\nSELECT 2; .mode\n;.x\n"),
            [
                Item::Dot(".mode csv".into()),
                Item::Dot(".headers off".into()),
                sql("SELECT 1\n.5;"),
                sql("SELECT 2;"),
                sql(".mode\n;"),
                sql(".x"),
            ]
        );
    }

    #[test]
    fn gexec_ends_a_query_at_the_start_of_a_line() {
        let gexec = |sql: &str, line: &str| Item::Gexec { sql: sql.into(), line: line.into() };
        assert_eq!(
            split(
                "SELECT 'SELECT 1;'\n  .gexec continue \nSELECT 2\n.gexecs;SELECT 3 .gexec\n.gexec"
            ),
            [
                gexec("SELECT 'SELECT 1;'", ".gexec continue"),
                sql("SELECT 2\n.gexecs;"),
                gexec("SELECT 3 .gexec", ".gexec"),
            ]
        );
        assert_eq!(split("SELECT '\n.gexec\n';"), [sql("SELECT '\n.gexec\n';")]);
        assert_eq!(split("SELECT 1;\n.gexec"), [sql("SELECT 1;"), Item::Dot(".gexec".into())]);
    }

    #[test]
    fn an_unfinished_quote_waits() {
        let mut splitter = Splitter::default();
        splitter.push("SELECT 'a;\n");
        assert_eq!(splitter.next_item(), None);
        assert!(!splitter.is_blank());
        splitter.clear();
        splitter.push("SELECT 1;");
        assert_eq!(splitter.next_item(), Some(sql("SELECT 1;")));
    }
}
