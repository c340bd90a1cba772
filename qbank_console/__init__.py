"""The web console (Streamlit): pages by role.

Analysts' pages read the marts as ``qbank_analyst``; everybody else's call the delivery API. What
never lives here: writes to tables, formulas, a number that neither a mart nor the API has.
"""
