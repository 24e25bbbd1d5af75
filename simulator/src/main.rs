//! The simulator's command line: `simulator --listen 127.0.0.1:8787`.

use std::process::ExitCode;

use simulator::server;

fn main() -> ExitCode {
    let options = match server::Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(server::Usage::Help) => {
            println!("{}", server::HELP);
            return ExitCode::SUCCESS;
        }
        Err(server::Usage::Wrong(reason)) => {
            eprintln!("simulator: {reason}\n\n{}", server::HELP);
            return ExitCode::from(2);
        }
    };
    match server::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simulator: {error}");
            ExitCode::FAILURE
        }
    }
}
