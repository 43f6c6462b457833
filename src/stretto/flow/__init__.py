"""What a flow is: its document, its checks, its graph, and what comes next in a run. Pure, no I/O but reading flow files."""
