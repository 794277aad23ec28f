"""How a task reaches a client and an update comes back: one seam, several ways through it."""
