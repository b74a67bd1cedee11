"""What is kept on disk between runs: decoded images and what was learnt of files."""
