"""The web console (Streamlit): pages by role. It never writes to tables; it calls the API."""
