"""An example of plug-ins for sleepgate: one headband and one output."""
