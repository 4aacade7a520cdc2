//! Lines of bytes, and how each becomes a record, as Kafka's `LineMessageReader` reads them.
//!
//! Room:       `cli::console_producer`.
//! Called by:  the tool.
//! Never:      asks for UTF-8 where Kafka's protocol does not: keys and values are bytes. Only the
//!             names of headers are text.

use crate::cli::output::{Refusal, note};
use std::io::{BufRead, ErrorKind};

/// Lines end as Java's readers end them: with `\n`, `\r` or `\r\n`.
pub struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    /// The last line ended with `\r`: a `\n` that follows belongs to it.
    after_return: bool,
    bytes_max: usize,
}

impl<R: BufRead> Lines<R> {
    /// `bytes_max` is what a record can have at most; a longer line is refused unread.
    pub fn new(input: R, bytes_max: usize) -> Self {
        Self {
            input,
            line: Vec::new(),
            number: 0,
            after_return: false,
            bytes_max,
        }
    }

    /// The next line without its end, and its number from 1; `None` at the end of the input.
    pub fn next(&mut self) -> Result<Option<(u64, &[u8])>, Refusal> {
        self.line.clear();
        self.number += 1;
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    let number = self.number;
                    return Err(Refusal::new(format_args!("stdin, line {number}: {error}")));
                }
            };
            if chunk.is_empty() {
                let is_end = self.line.is_empty();
                return Ok((!is_end).then_some((self.number, &self.line)));
            }
            if std::mem::take(&mut self.after_return) && chunk[0] == b'\n' {
                self.input.consume(1);
                continue;
            }
            let end = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            self.line
                .extend_from_slice(&chunk[..end.unwrap_or(chunk.len())]);
            let taken = match end {
                Some(end) => {
                    self.after_return = chunk[end] == b'\r';
                    end + 1
                }
                None => chunk.len(),
            };
            self.input.consume(taken);
            if self.line.len() > self.bytes_max {
                return Err(Refusal::new(format_args!(
                    "line number {} is longer than max.request.size ({} bytes); raise it with \
                     --producer-property",
                    self.number, self.bytes_max
                )));
            }
            if end.is_some() {
                return Ok(Some((self.number, &self.line)));
            }
        }
    }
}

/// How a line becomes a record.
#[derive(Debug, PartialEq, Eq)]
pub struct Format {
    parse_key: bool,
    key_separator: String,
    parse_headers: bool,
    headers_delimiter: String,
    headers_separator: String,
    headers_key_separator: String,
    null_marker: Option<String>,
    ignore_error: bool,
}

/// One line, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parsed<'l> {
    pub key: Option<&'l [u8]>,
    pub value: Option<&'l [u8]>,
    pub headers: Vec<Header<'l>>,
}

/// A header's name and value.
pub type Header<'l> = (&'l str, Option<&'l [u8]>);

impl Format {
    /// From properties of the reader; later ones win.
    pub fn of(properties: &[(String, String)]) -> Result<Format, Refusal> {
        let mut format = Format {
            parse_key: false,
            key_separator: "\t".to_owned(),
            parse_headers: false,
            headers_delimiter: "\t".to_owned(),
            headers_separator: ",".to_owned(),
            headers_key_separator: ":".to_owned(),
            null_marker: None,
            ignore_error: false,
        };
        for (name, value) in properties {
            let yes = value.trim().eq_ignore_ascii_case("true");
            let value = value.clone();
            match name.as_str() {
                "parse.key" => format.parse_key = yes,
                "key.separator" => format.key_separator = value,
                "parse.headers" => format.parse_headers = yes,
                "headers.delimiter" => format.headers_delimiter = value,
                "headers.separator" => format.headers_separator = value,
                "headers.key.separator" => format.headers_key_separator = value,
                "null.marker" => format.null_marker = Some(value),
                "ignore.error" => format.ignore_error = yes,
                other => note(format_args!("note: property {other} has no effect here")),
            }
        }
        format.check()?;
        Ok(format)
    }

    /// Marks that are equal would hide each other.
    fn check(&self) -> Result<(), Refusal> {
        let marks = [
            ("headers.delimiter", Some(&self.headers_delimiter)),
            ("headers.separator", Some(&self.headers_separator)),
            ("headers.key.separator", Some(&self.headers_key_separator)),
            ("null.marker", self.null_marker.as_ref()),
            ("key.separator", Some(&self.key_separator)),
        ];
        for (n, (name, mark)) in marks.iter().enumerate() {
            for (other, other_mark) in &marks[n + 1..] {
                // The key comes after the headers, so its separator may look like one of theirs.
                let apart = *other == "key.separator" && *name != "null.marker";
                if !apart && mark.is_some() && mark == other_mark {
                    return Err(Refusal::new(format_args!(
                        "{name} and {other} may not be equal"
                    )));
                }
            }
        }
        Ok(())
    }

    /// Takes line `number` apart.
    pub fn parse<'l>(&self, line: &'l [u8], number: u64) -> Result<Parsed<'l>, String> {
        let mut parsed = Parsed::default();
        let mut rest = line;
        let missing = |what: &str| {
            let line = String::from_utf8_lossy(line);
            format!("No {what} found on line number {number}: '{line}'")
        };
        if self.parse_headers {
            match split(rest, self.headers_delimiter.as_bytes()) {
                Some((headers, after)) => {
                    rest = after;
                    if !self.is_null(headers) {
                        parsed.headers = self.headers(headers, number)?;
                    }
                }
                None if self.ignore_error => {}
                None => return Err(missing("headers delimiter")),
            }
        }
        if self.parse_key {
            match split(rest, self.key_separator.as_bytes()) {
                Some((key, after)) => {
                    parsed.key = (!self.is_null(key)).then_some(key);
                    rest = after;
                }
                None if self.ignore_error => {}
                None => return Err(missing("key separator")),
            }
        }
        parsed.value = (!self.is_null(rest)).then_some(rest);
        Ok(parsed)
    }

    fn headers<'l>(&self, mut rest: &'l [u8], number: u64) -> Result<Vec<Header<'l>>, String> {
        let mut headers = Vec::new();
        loop {
            let (pair, after) = match split(rest, self.headers_separator.as_bytes()) {
                Some((pair, after)) => (pair, Some(after)),
                None => (rest, None),
            };
            let shown = || String::from_utf8_lossy(pair).into_owned();
            let (name, value) = match split(pair, self.headers_key_separator.as_bytes()) {
                Some((name, value)) => (name, (!self.is_null(value)).then_some(value)),
                None if self.ignore_error => (pair, None),
                None => {
                    return Err(format!(
                        "No header key separator found in pair '{}' on line number {number}",
                        shown()
                    ));
                }
            };
            if self.is_null(name) {
                return Err(format!(
                    "Header keys should not be equal to the null marker '{}' as they can't be null",
                    shown()
                ));
            }
            let name = std::str::from_utf8(name).map_err(|_| {
                format!(
                    "The header key in '{}' on line number {number} is not UTF-8",
                    shown()
                )
            })?;
            headers.push((name, value));
            match after {
                // What follows the last separator is nothing, not an empty header.
                Some([]) | None => return Ok(headers),
                Some(after) => rest = after,
            }
        }
    }

    fn is_null(&self, bytes: &[u8]) -> bool {
        let marker = self.null_marker.as_ref();
        marker.is_some_and(|marker| marker.as_bytes() == bytes)
    }
}

/// What comes before the first `mark`, and what comes after it.
fn split<'l>(bytes: &'l [u8], mark: &[u8]) -> Option<(&'l [u8], &'l [u8])> {
    let at = match mark {
        [] => Some(0),
        [one] => bytes.iter().position(|byte| byte == one),
        mark => bytes.windows(mark.len()).position(|window| window == mark),
    }?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(properties: &[(&str, &str)]) -> Format {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let properties: Vec<_> = properties.iter().map(owned).collect();
        Format::of(&properties).expect("names and values")
    }

    fn lines(input: &[u8]) -> Vec<Vec<u8>> {
        // A buffer of two bytes, so that ends of lines fall between two reads.
        let input = std::io::BufReader::with_capacity(2, input);
        let mut lines = Lines::new(input, 100);
        let mut all = Vec::new();
        while let Some((number, line)) = lines.next().expect("short lines") {
            all.push(line.to_vec());
            assert_eq!(number, all.len() as u64);
        }
        all
    }

    #[test]
    fn lines_end_as_java_ends_them() {
        assert_eq!(lines(b"a\nb\r\nc\rd"), [b"a", b"b", b"c", b"d"]);
        assert_eq!(lines(b"a\r\r\n\nb\n"), [&b"a"[..], b"", b"", b"b"]);
        assert_eq!(lines(b"\xff\xfe\n"), [b"\xff\xfe"]);
        assert!(lines(b"").is_empty());
        let mut long = Lines::new(&[b'x'; 101][..], 100);
        assert!(long.next().is_err());
    }

    #[test]
    fn a_line_is_a_value() {
        let parsed = Parsed {
            value: Some(&b"a\t\xffb"[..]),
            ..Parsed::default()
        };
        assert_eq!(format(&[]).parse(b"a\t\xffb", 1).unwrap(), parsed);
    }

    #[test]
    fn headers_then_key_then_value() {
        let all = [
            ("parse.key", "true"),
            ("parse.headers", " TRUE"),
            ("null.marker", "NULL"),
        ];
        let format = format(&all);
        let parsed = Parsed {
            key: Some(b"k"),
            value: None,
            headers: vec![("h1", Some(&b"v1"[..])), ("h2", None)],
        };
        assert_eq!(format.parse(b"h1:v1,h2:NULL\tk\tNULL", 1).unwrap(), parsed);
        for (line, told) in [
            (
                &b"no tab"[..],
                "No headers delimiter found on line number 7: 'no tab'",
            ),
            (
                b"a\tb\tc",
                "No header key separator found in pair 'a' on line number 7",
            ),
            (
                b"a:b\tc",
                "No key separator found on line number 7: 'a:b\tc'",
            ),
        ] {
            assert_eq!(format.parse(line, 7).unwrap_err(), told);
        }
    }

    #[test]
    fn errors_may_be_ignored() {
        let format = format(&[
            ("parse.key", "true"),
            ("parse.headers", "true"),
            ("ignore.error", "true"),
        ]);
        let parsed = Parsed {
            value: Some(b"v"),
            headers: vec![("h", None)],
            ..Parsed::default()
        };
        assert_eq!(format.parse(b"h\tv", 1).unwrap(), parsed);
    }

    #[test]
    fn equal_marks_are_refused() {
        let equal = [("headers.separator".to_owned(), ":".to_owned())];
        let told = Format::of(&equal).unwrap_err().to_string();
        assert_eq!(
            told,
            "headers.separator and headers.key.separator may not be equal"
        );
    }
}
