inherit python3-dir
