"""Where rows live, and the matrices that hold them."""
