"""The kiosk's microphone: which one, what it hears, and when the visitor has finished.

    devices ---> choose ---> source ---> recorder ---> wav
                               |            |
                            channels     level, noise, endpoint

`devices` lists and watches microphones, `choose` picks one, `source` reads it as 16 kHz mono. `recorder` writes what it
hears and ends when asked, after a silence, or at a limit. It gets the voice activity as a function, because this room
does not know the pipeline.
"""
