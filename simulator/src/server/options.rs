//! The command line.

use std::path::PathBuf;

/// What `--help` says.
pub const HELP: &str = "\
A local stand-in for the web messaging service.

simulator [--listen ADDRESS] [--bot echo|script|silent] [--www DIR] [--csp POLICY] [--seed NUMBER]

  --listen ADDRESS  address and port to listen on; port 0 picks one     (127.0.0.1:8787)
  --bot WHICH       who answers the guest until an agent does           (script)
  --www DIR         the built demo: / is DIR/index.html, /agent is
                    DIR/agent.html, /dist/... is the folder above DIR   (dist/demo)
  --csp POLICY      Content-Security-Policy of the pages served
  --seed NUMBER     makes the ids it gives out the same each time

The first line on standard output is {\"url\":\"http://...\"}.";

/// What the command line asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Address and port.
    pub listen: String,
    /// `echo`, `script` or `silent`.
    pub bot: String,
    /// The folder of the built demo.
    pub www: PathBuf,
    /// A policy for the pages served.
    pub csp: Option<String>,
    /// The seed of everything random; of the clock where it is not given.
    pub seed: Option<u64>,
}

/// Why there is nothing to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Help was asked for.
    Help,
    /// The command line makes no sense, for this reason.
    Wrong(String),
}

impl Options {
    /// Reads the arguments, without the program's name; `--name value` and `--name=value` both.
    ///
    /// # Errors
    ///
    /// [`Usage`], when help was asked for or something is not understood.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, Usage> {
        let mut options = Self { listen: "127.0.0.1:8787".into(), bot: "script".into(), www: PathBuf::from("dist/demo"), csp: None, seed: None };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            if argument == "--help" || argument == "-h" {
                return Err(Usage::Help);
            }
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (argument, None),
            };
            let known = ["--listen", "--bot", "--www", "--csp", "--seed"];
            if !known.contains(&name.as_str()) {
                return Err(Usage::Wrong(format!("there is no option {name}")));
            }
            let Some(value) = value.or_else(|| arguments.next()) else {
                return Err(Usage::Wrong(format!("{name} needs a value")));
            };
            match name.as_str() {
                "--listen" => options.listen = value,
                "--bot" if ["echo", "script", "silent"].contains(&value.as_str()) => options.bot = value,
                "--bot" => return Err(Usage::Wrong("--bot is echo, script or silent".into())),
                "--www" => options.www = PathBuf::from(value),
                "--csp" => options.csp = Some(value),
                _ => {
                    let seed = value.parse().map_err(|_| Usage::Wrong("--seed is a whole number".into()))?;
                    options.seed = Some(seed);
                }
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Usage> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn nothing_given_is_the_demo_on_its_port() {
        let options = parse("").unwrap();
        assert_eq!(options.listen, "127.0.0.1:8787");
        assert_eq!(options.bot, "script");
        assert_eq!(options.www, PathBuf::from("dist/demo"));
    }

    #[test]
    fn values_follow_or_are_joined() {
        let options = parse("--listen 127.0.0.1:0 --bot=silent --seed 7 --www=x").unwrap();
        assert_eq!(options.listen, "127.0.0.1:0");
        assert_eq!(options.bot, "silent");
        assert_eq!(options.seed, Some(7));
        assert_eq!(options.www, PathBuf::from("x"));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert_eq!(parse("--help"), Err(Usage::Help));
        assert_eq!(parse("--nonsense"), Err(Usage::Wrong("there is no option --nonsense".into())));
        assert_eq!(parse("--bot"), Err(Usage::Wrong("--bot needs a value".into())));
        assert!(parse("--bot loud").is_err());
        assert!(parse("--seed x").is_err());
    }
}
