"""The ``raggedh5`` command: one thin module a command."""
