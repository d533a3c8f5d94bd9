"""config.json: which of its keys are settings of the board, and how a plan is made from them and applied."""
