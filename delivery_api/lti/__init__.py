"""The tool's side of LTI 1.3: people of a learning platform are launched into an exam.

The platform vouches for the person by a signed message, the tool answers with its own signed ones.
Specifications: LTI Core 1.3, LTI Deep Linking 2.0, LTI Assignment and Grade Services 2.0, and the
1EdTech Security Framework 1.0. What never lives here: registering platforms (``qbank lti``), and
what a launched person may do (``delivery_api.access``).
"""
