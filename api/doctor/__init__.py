"""What is wrong or worrying with an installation: a module for each kind of check; `examination` has all."""
