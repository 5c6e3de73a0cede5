"""The command line: parse, call the library, render. The only package that imports typer or rich."""
