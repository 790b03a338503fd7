"""Brazil's holidays in the years of the olist files, for the peers that make a calendar."""

import datetime


def easter(year):
    a, b, c = year % 19, year // 100, year % 100
    d = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    e = (32 + 2 * (b % 4) + 2 * (c // 4) - d - c % 4) % 7
    f = d + e - 7 * ((a + 11 * d + 22 * e) // 451) + 114
    return datetime.date(year, f // 31, f % 31 + 1)


holidays = {}
for year in range(2016, 2021):
    holidays.update({easter(year) + datetime.timedelta(n): h for n, h in [(-48, "Carnaval"), (-47, "Carnaval"), (-2, "Paixão de Cristo"), (60, "Corpus Christi")]})
    holidays.update({datetime.date(year, m, d): h for m, d, h in [
        (1, 1, "Confraternização Universal"), (4, 21, "Tiradentes"), (5, 1, "Dia do Trabalho"), (9, 7, "Independência do Brasil"),
        (10, 12, "Nossa Senhora Aparecida"), (11, 2, "Finados"), (11, 15, "Proclamação da República"), (12, 25, "Natal")]})
