from layers.build import lambda_requirements

LOCK = """\
boto3==1.0 \\
    --hash=sha256:aa
    # via -r requirements.in
jinja2==3.1.6 \\
    --hash=sha256:bb
urllib3==2.0 ; python_version > '3' \\
    --hash=sha256:cc
"""


def test_what_lambda_brings_itself_is_left_out_with_its_hashes() -> None:
    assert lambda_requirements(LOCK) == "jinja2==3.1.6 \\\n    --hash=sha256:bb\n"
