//! The format of a Java `.properties` file, line by line.
//!
//! Room:       `config`, text to names and values.
//! Called by:  `config::broker`, `config::meta_properties`, the console tools for client files.
//! Calls:      nothing.
//! Never:      knows a property, or reads a file: it gets the text.
//!
//! As `java.util.Properties` reads it: `#` and `!` begin comments, a backslash at the end of a
//! line joins the next one, `=`, `:` or blanks end the name, and `\t \n \r \f \uXXXX` are
//! escapes. A backslash before anything else is dropped, which is why Windows paths need two.

use super::error::{ConfigError, Place};
use std::sync::Arc;

/// One property as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub name: String,
    pub value: String,
    pub place: Place,
}

impl Given {
    /// A property given on the command line as NAME=VALUE, or by a program.
    pub fn argument(name: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: value.to_owned(),
            place: Place::Argument,
        }
    }
}

/// All properties of a file, in its order. `file` is only for messages.
pub fn parse(text: &str, file: &str) -> Result<Vec<Given>, ConfigError> {
    let file: Arc<str> = file.into();
    let mut given = Vec::new();
    let mut lines = text
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .enumerate();
    while let Some((index, first)) = lines.next() {
        let first = first.trim_start_matches(BLANKS);
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = first.to_owned();
        while continues(&logical) {
            logical.pop();
            match lines.next() {
                Some((_, next)) => logical.push_str(next.trim_start_matches(BLANKS)),
                None => break,
            }
        }
        let place = Place::Line {
            file: file.clone(),
            line: index + 1,
        };
        let (name, value) = split(&logical);
        given.push(Given {
            name: unescape(name, &place)?,
            // Java keeps blanks at the end of a value; Kafka trims them when it reads a type.
            value: unescape(value, &place)?.trim_end().to_owned(),
            place,
        });
    }
    Ok(given)
}

const BLANKS: [char; 3] = [' ', '\t', '\x0c'];

/// Whether a line ends in an odd number of backslashes.
fn continues(line: &str) -> bool {
    line.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1
}

/// Splits at the first separator that is not escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (position, letter) in line.char_indices() {
        if !escaped && matches!(letter, '=' | ':' | ' ' | '\t' | '\x0c') {
            let rest = line[position..].trim_start_matches(BLANKS);
            let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
            return (&line[..position], rest.trim_start_matches(BLANKS));
        }
        escaped = letter == '\\' && !escaped;
    }
    (line, "")
}

fn unescape(text: &str, place: &Place) -> Result<String, ConfigError> {
    if !text.contains('\\') {
        return Ok(text.to_owned());
    }
    let mut plain: Vec<u16> = Vec::with_capacity(text.len());
    let mut letters = text.chars();
    let mut units = [0u16; 2];
    while let Some(letter) = letters.next() {
        let literal = match letter {
            '\\' => match letters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\x0c',
                Some('u') => {
                    let digits: String = letters.by_ref().take(4).collect();
                    let well_formed =
                        digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                    if !well_formed {
                        return Err(ConfigError::Escape {
                            place: place.clone(),
                        });
                    }
                    plain.push(u16::from_str_radix(&digits, 16).unwrap_or_default());
                    continue;
                }
                Some(other) => other,
                None => continue,
            },
            other => other,
        };
        plain.extend_from_slice(literal.encode_utf16(&mut units));
    }
    Ok(String::from_utf16_lossy(&plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let given = parse(text, "test.properties").expect("the text is well formed");
        given
            .into_iter()
            .map(|given| (given.name, given.value))
            .collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn names_end_at_equals_colon_or_blank() {
        let text = "a=1\nb : 2\n  c\t3\nd\ne==x\nf=a=b:c\n";
        assert_eq!(
            pairs(text),
            [
                pair("a", "1"),
                pair("b", "2"),
                pair("c", "3"),
                pair("d", ""),
                pair("e", "=x"),
                pair("f", "a=b:c")
            ]
        );
    }

    #[test]
    fn comments_blank_lines_and_windows_line_ends() {
        assert_eq!(pairs("# x=1\r\n ! y=2\r\n\r\nz=3 \r\n"), [pair("z", "3")]);
    }

    #[test]
    fn a_backslash_joins_lines_and_two_do_not() {
        assert_eq!(
            pairs("a=x,\\\n    y\nb=z\\\\\nc=1\\"),
            [pair("a", "x,y"), pair("b", "z\\"), pair("c", "1")]
        );
    }

    #[test]
    fn escapes_are_those_of_java() {
        assert_eq!(
            pairs(r"a\ b\=c=\t\u00e4\uD83D\uDE00\q"),
            [pair("a b=c", "\tä😀q")]
        );
        let place = Place::Line {
            file: "f".into(),
            line: 2,
        };
        assert_eq!(
            parse("a=1\nb=\\u12", "f"),
            Err(ConfigError::Escape { place })
        );
    }

    #[test]
    fn places_count_physical_lines() {
        let given = parse("a=1\\\n2\n\nb=3", "f").expect("well formed");
        assert_eq!(
            given[1].place,
            Place::Line {
                file: "f".into(),
                line: 4
            }
        );
    }

    #[test]
    fn no_text_makes_it_panic() {
        let alphabet = ["\\", "u", "=", ":", " ", "\n", "\r", "#", "ä", "0", "\x0c"];
        let mut state = 42u64;
        for _ in 0..2_000 {
            let mut text = String::new();
            for _ in 0..24 {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                text.push_str(alphabet[(state >> 33) as usize % alphabet.len()]);
            }
            let _ = parse(&text, "f");
        }
    }
}
