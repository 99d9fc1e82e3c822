"""The command line: each verb is one library call with its result printed; nothing imports it."""
