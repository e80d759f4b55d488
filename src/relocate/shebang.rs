//! The head of a script: its `#!` line, or the lines that start its interpreter through `/bin/sh` where no `#!` line can.
//!
//! The kernel cuts the line off (at 127 bytes before Linux 5.1, at 255 since) and splits it at white space (execve(2)).
//! Where that would go wrong, or where the interpreter is to be found from the script's own place, the head becomes
//! ```text
//! #!/bin/sh
//! '''exec' "/a folder/bin/python3" "-E" "$0" "$@" # tagalong:#!/a folder/bin/python3 -E
//! ' '''
//! ```
//! which is Python too (other languages have their own form). The end of the second line holds the original, which
//! comes back when it can. Does not search; what is put in is already replaced.

/// The longest `#!` line that every kernel takes whole, in bytes without the line break (fs/binfmt_script.c).
pub const LONGEST_LINE: usize = 127;

/// How many bytes of a file are enough to see its head.
pub const ENOUGH: usize = 32 << 10;

/// What stands before the original line.
const MARK: &[u8] = b" # tagalong:";

/// The head of a script as it is in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// How many bytes of the file it takes, with its last line break.
    pub length: usize,
    /// The `#!` line that is meant, without its line break.
    pub line: Vec<u8>,
    /// A Python script's own second line that names its encoding, where the head holds it.
    cookie: Option<Vec<u8>>,
}

/// How a script starts its interpreter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// By the `#!` line itself where it can, else through `/bin/sh`.
    Absolute,
    /// Through `/bin/sh`, by the way from the script's folder.
    FromScript { way: Vec<u8> },
}

impl Head {
    /// Reads the head from the first [`ENOUGH`] bytes of a file; `None` when it is no script.
    pub fn read(bytes: &[u8]) -> Option<Head> {
        let mut lines = Lines { rest: bytes, length: 0 };
        let first = lines.next()?;
        if !first.starts_with(b"#!") {
            return None;
        }
        let plain = Head { length: lines.length, line: first.to_vec(), cookie: None };
        if first != b"#!/bin/sh" {
            return Some(plain.with_cookie(&lines));
        }
        let mut cookie = None;
        for _ in 0..3 {
            let Some(line) = lines.next() else { break };
            let marked = memchr::memmem::find(line, MARK);
            let Some(marked) = marked.map(|at| &line[at + MARK.len()..]).filter(|line| line.starts_with(b"#!")) else {
                if is_cookie(line) {
                    cookie = Some(line.to_vec());
                } else if line != b"# \\" {
                    break;
                }
                continue;
            };
            let line = marked.to_vec();
            // The lines that follow ours belong to the head: the end of Python's string, the line for `-x`.
            if let Some(Language::Python | Language::Skipping) = Language::of(&line) {
                lines.next();
            }
            return Some(Head { length: lines.length, line, cookie });
        }
        Some(plain)
    }

    fn with_cookie(self, lines: &Lines<'_>) -> Head {
        let mut rest = Lines { rest: lines.rest, length: self.length };
        match rest.next() {
            Some(line) if is_cookie(line) && Language::of(&self.line) == Some(Language::Python) => {
                Head { length: rest.length, cookie: Some(line.to_vec()), ..self }
            }
            _ => self,
        }
    }

    /// The head with another line, of which the first `interpreter` bytes behind `#!` and white space name the program.
    ///
    /// # Errors
    /// [`HeadFault`] when neither the kernel nor the shell could start the interpreter.
    pub fn write(&self, line: &[u8], interpreter: usize, start: &Start) -> Result<Vec<u8>, HeadFault> {
        let skipped = 2 + line.iter().skip(2).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let (program, argument) = line[skipped..].split_at(interpreter.min(line.len() - skipped));
        let argument = argument.trim_ascii();
        let mut head = Vec::new();
        let is_plain = *start == Start::Absolute
            && line.len() <= LONGEST_LINE
            && !program.iter().any(|byte| matches!(byte, b' ' | b'\t'));
        if is_plain {
            push_line(&mut head, line);
            self.cookie.iter().for_each(|cookie| push_line(&mut head, cookie));
            return Ok(head);
        }
        let language = Language::of_program(program, argument);
        let language = language.ok_or_else(|| HeadFault::Language { program: program.to_vec() })?;
        let mut call = match start {
            Start::Absolute => quoted(program)?,
            Start::FromScript { way } => {
                [b"\"$(dirname -- \"$(realpath -- \"$0\")\")\"/", quoted(way)?.as_slice()].concat()
            }
        };
        if !argument.is_empty() {
            call.push(b' ');
            call.extend_from_slice(&quoted(argument)?);
        }
        push_line(&mut head, b"#!/bin/sh");
        self.cookie.iter().for_each(|cookie| push_line(&mut head, cookie));
        language.lines(&call, line).iter().for_each(|line| push_line(&mut head, line));
        Ok(head)
    }
}

/// What languages have in common, as far as a line must be good for two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Python,
    /// Shells: the second time round a variable tells that they were started.
    Shell,
    /// Perl and Ruby skip everything before their own `#!` line with `-x`.
    Skipping,
    Script,
    Tcl,
}

impl Language {
    fn of(line: &[u8]) -> Option<Language> {
        let mut words = line.get(2..)?.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
        // A path with a space in it ends with its last word that has a slash.
        let words: Vec<&[u8]> = words.by_ref().collect();
        let last = words.iter().rposition(|word| word.contains(&b'/'))?;
        let argument = words.get(last + 1).copied().unwrap_or_default();
        Language::of_program(words[last], argument)
    }

    fn of_program(program: &[u8], argument: &[u8]) -> Option<Language> {
        let base = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
        let mut name = base(program);
        if name == b"env" {
            let word = argument.split(u8::is_ascii_whitespace).next().unwrap_or_default();
            name = base(word);
        }
        let name = String::from_utf8(name).ok()?;
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        Some(match stem {
            "python" | "pypy" | "pythonw" => Language::Python,
            "sh" | "bash" | "dash" | "ksh" | "mksh" | "zsh" | "ash" => Language::Shell,
            "perl" | "ruby" => Language::Skipping,
            "node" | "nodejs" => Language::Script,
            "tclsh" | "wish" | "expect" => Language::Tcl,
            _ => return None,
        })
    }

    fn lines(self, call: &[u8], line: &[u8]) -> Vec<Vec<u8>> {
        let marked =
            |start: &str, end: &str| [start.as_bytes(), call, b" \"$0\" \"$@\"", end.as_bytes(), MARK, line].concat();
        match self {
            Language::Python => vec![marked("'''exec' ", ""), b"' '''".to_vec()],
            Language::Shell => {
                vec![marked("[ \"${_tagalong-}\" = \"$0$$\" ] || { _tagalong=\"$0$$\"; export _tagalong; exec ", "; }")]
            }
            Language::Skipping => {
                let call = [call, b" -x"].concat();
                vec![[b"exec ", &call[..], b" \"$0\" \"$@\"", MARK, line].concat(), line.to_vec()]
            }
            Language::Script => vec![marked("\":\" //# ; exec ", "")],
            Language::Tcl => vec![b"# \\".to_vec(), marked("exec ", "")],
        }
    }
}

/// A text as one word of the shell that is also a part of a string in other languages.
fn quoted(text: &[u8]) -> Result<Vec<u8>, HeadFault> {
    let is_special = |byte: &u8| matches!(byte, b'"' | b'$' | b'`' | b'\\' | b'\n' | b'!');
    if text.iter().any(is_special) || memchr::memmem::find(text, b"'''").is_some() {
        return Err(HeadFault::Quoting { text: text.to_vec() });
    }
    Ok([b"\"", text, b"\""].concat())
}

/// Whether a line names the encoding of a Python script (PEP 263).
fn is_cookie(line: &[u8]) -> bool {
    let is_comment = line.trim_ascii_start().starts_with(b"#") && !line.starts_with(b"#!");
    let mut places = memchr::memmem::find_iter(line, b"coding");
    is_comment && places.any(|at| matches!(line.get(at + 6), Some(b':' | b'=')))
}

fn push_line(head: &mut Vec<u8>, line: &[u8]) {
    head.extend_from_slice(line);
    head.push(b'\n');
}

/// Lines that end with a line break; what comes behind the last one is none.
struct Lines<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\n', self.rest)?;
        let line = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        self.length += end + 1;
        Some(line)
    }
}

/// Why a script's head cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadFault {
    /// There is no line that this language and the shell both take.
    #[error("no line starts {} through /bin/sh", String::from_utf8_lossy(program))]
    Language { program: Vec<u8> },
    /// A character means something to the shell.
    #[error("{} cannot be quoted", String::from_utf8_lossy(text))]
    Quoting { text: Vec<u8> },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_that_no_kernel_takes_goes_through_the_shell_and_comes_back() {
        let script = b"#!/p/bin/python3 -E\n# -*- coding: latin-1 -*-\nimport sys\n";
        let head = Head::read(script).unwrap();
        assert_eq!((head.length, head.line.as_slice()), (46, &b"#!/p/bin/python3 -E"[..]));
        let line = b"#!/a folder/bin/python3 -E";
        let new = head.write(line, "/a folder/bin/python3".len(), &Start::Absolute).unwrap();
        let expected = "#!/bin/sh\n# -*- coding: latin-1 -*-\n'''exec' \"/a folder/bin/python3\" \"-E\" \"$0\" \"$@\" \
            # tagalong:#!/a folder/bin/python3 -E\n' '''\n";
        assert_eq!(String::from_utf8(new.clone()).unwrap(), expected);
        let again = Head::read(&[new.as_slice(), b"import sys\n"].concat()).unwrap();
        assert_eq!((again.length, again.line.as_slice()), (new.len(), &line[..]));
        let back = again.write(&head.line, "/p/bin/python3".len(), &Start::Absolute).unwrap();
        assert_eq!(back, script[..46]);
    }

    #[test]
    fn every_language_has_a_form_that_is_read_again() {
        for program in ["bash", "perl", "ruby2.7", "node", "tclsh8.6", "python3.12", "env python3"] {
            let line = format!("#!/a folder/bin/{program}").into_bytes();
            let head = Head { length: 0, line: line.clone(), cookie: None };
            let interpreter = "/a folder/bin/".len() + program.split(' ').next().unwrap().len();
            let new = head.write(&line, interpreter, &Start::Absolute).unwrap();
            let again = Head::read(&[new.as_slice(), b"rest\n"].concat()).unwrap();
            assert_eq!((again.length, again.line), (new.len(), line), "{program}");
        }
        let odd = Head { length: 0, line: b"#!/a b/awk -f".to_vec(), cookie: None };
        assert!(matches!(odd.write(&odd.line, 8, &Start::Absolute), Err(HeadFault::Language { .. })));
        let shell = Head { length: 0, line: b"#!/a b$(x)/sh".to_vec(), cookie: None };
        assert!(matches!(shell.write(&shell.line, 11, &Start::Absolute), Err(HeadFault::Quoting { .. })));
    }

    #[test]
    fn other_shell_scripts_are_plain_scripts() {
        for script in ["#!/bin/sh\nexec x\n", "#!/bin/sh\n# coding=1\necho\n", "#!/bin/sh\n"] {
            assert_eq!(Head::read(script.as_bytes()).unwrap().length, 10, "{script}");
        }
        assert_eq!(Head::read(b"#!/bin/sh"), None);
        assert_eq!(Head::read(b"echo\n"), None);
    }
}
