"""What a materialization says: charted numbers, plots and tables. No decisions are made here."""
