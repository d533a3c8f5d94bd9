"""For plugin authors: generated trees in a test, and the conformance suite that every plugin must pass.

    pip install 'device-hal[testing]'
    pytest --pyargs hal.testing --hal-plugin hal_acme

The suite runs over every installed plugin, or over those named with `--hal-plugin`, times a generated tree of each of
their device types. A test of your own asks for the fixture `hal_tree` and calls it with a slug:

    def test_the_fan_has_a_quiet_profile(hal_tree):
        device = Device.open(hal_tree("acme-gateway"))
"""
